import { describe, expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { followLog } from "../../support/postgres-servers.ts";
import { runAsSuperuser } from "../../support/postgres-test.ts";
import { test, type Staging } from "../../support/seed-test.ts";

const IN_PLACE = { strategy: "schema", waitForSessions: "1s" };
const REBUILD = { ...IN_PLACE, schema: { sql: "schema.sql" }, seeds: ["seeds/*"], expect: { users: 3 } };

/** Everything that there is to drop, some of it depending on the rest, beside what stays: an extension. */
const BEFORE = `
  CREATE EXTENSION pgcrypto;
  CREATE EXTENSION hstore;
  CREATE SCHEMA app;
  CREATE TYPE app.mood AS ENUM ('happy');
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE TYPE pair AS (a int, b int);
  CREATE TABLE users (id serial PRIMARY KEY, email email, mood app.mood, extra hstore, pair pair);
  CREATE TABLE app.orders (id int, user_id int REFERENCES users) PARTITION BY RANGE (id);
  CREATE TABLE app.orders_1 PARTITION OF app.orders FOR VALUES FROM (0) TO (100);
  CREATE VIEW everyone AS SELECT * FROM users;
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM everyone;
  CREATE FUNCTION first_user() RETURNS users LANGUAGE sql AS 'SELECT * FROM users LIMIT 1';
  CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
  CREATE SEQUENCE counter;
  CREATE TABLE schema_migrations (version text);
  INSERT INTO schema_migrations VALUES ('1');
  INSERT INTO users (email) VALUES ('before@x');
  INSERT INTO app.orders VALUES (1, 1)`;

async function prepare(staging: Staging): Promise<void> {
  await staging.query(BEFORE);
  await staging.write({
    "schema.sql": BEFORE.replaceAll("CREATE EXTENSION", "CREATE EXTENSION IF NOT EXISTS").replace(
      /\s*INSERT[^]*/,
      "",
    ),
    "seeds/1_users.csv": "id,email\n1,one@x\n",
    "seeds/2.json": '{ "users": [ { "email": "two@x", "id": 2 } ] }',
    "seeds/3.js":
      "export const seed = ({ client }) => client.query(\"INSERT INTO users (id, email) VALUES (7, 'seven@x')\")",
  });
}

describe("a reset in place", () => {
  test("drops what is there and makes it anew, in one transaction, every night", async ({ staging }) => {
    await prepare(staging);
    const oid = await staging.value("SELECT oid FROM pg_database WHERE datname = current_database()");
    for (let night = 1; night <= 3; night++) {
      expect(await staging.seed(REBUILD)).toMatchObject({ old: undefined, fromTemplate: false });
      expect(await staging.value("SELECT string_agg(email, ' ' ORDER BY id) FROM users")).toBe(
        "one@x two@x seven@x",
      );
      expect(await staging.value("SELECT nextval('users_id_seq')::int")).toBe(8);
      expect(await staging.value("SELECT to_regclass('content')")).toBeNull();
      expect(await staging.value("SELECT count(*)::int FROM schema_migrations")).toBe(0);
      await staging.query("CREATE TABLE stray AS SELECT 1; DELETE FROM users");
    }
    expect(await staging.value("SELECT oid FROM pg_database WHERE datname = current_database()")).toBe(oid);
    expect(await staging.family()).toEqual([staging.database.name]);
  });

  test("without a schema empties tables, but those that note migrations, and what it is told to keep", async ({
    staging,
  }) => {
    await prepare(staging);
    await staging.seed({
      ...IN_PLACE,
      seeds: ["seeds/*"],
      expect: { users: 3, "app.orders": 0, schema_migrations: 1 },
    });
    expect(await staging.value("SELECT string_agg(email, ' ' ORDER BY id) FROM users")).toBe(
      "one@x two@x seven@x",
    );
    await staging.seed({
      ...IN_PLACE,
      keepTables: ["users", "public.content"],
      expect: { users: 3, content: 0, schema_migrations: 0 },
    });
  });

  test.for<{ what: string; files?: Record<string, string>; section?: object; says: string | RegExp }>([
    {
      what: "a file that fails",
      files: { "seeds/4.sql": "SELECT 1;\nSELECT 1/0" },
      says: "seeds/4.sql: division by zero",
    },
    { what: "an expectation", section: { expect: { users: 4 } }, says: "users has 3 rows (expected: =4)" },
    {
      what: "a COMMIT of a file's own",
      files: { "seeds/4.sql": "BEGIN; INSERT INTO users (id) VALUES (8); COMMIT;" },
      says: "a seed may not end the transaction",
    },
    {
      what: "a COMMIT in a module",
      files: { "seeds/4.js": "export const seed = ({ client }) => client.query('COMMIT')" },
      says: "a seed may not end the transaction",
    },
    {
      what: "a ROLLBACK",
      files: { "seeds/4.sql": "ROLLBACK; DROP TABLE schema_migrations" },
      says: "ends the transaction that all seeds are in",
    },
    {
      what: "a ROLLBACK in a module",
      files: { "seeds/4.js": "export const seed = ({ client }) => client.query('rollback')" },
      says: "ends the transaction that all seeds are in",
    },
    {
      what: "a ROLLBACK that hides",
      files: { "seeds/4.js": "export const seed = ({ client }) => client.query({ text: 'rollback' })" },
      says: "takes the text of a statement",
    },
  ])("that ends with $what leaves everything as it was", async ({ files, section, says }, { staging }) => {
    await prepare(staging);
    await staging.write(files ?? {});
    await expect(staging.seed({ ...REBUILD, ...section })).rejects.toMatchObject({
      exit: "failed",
      message: expect.stringContaining(String(says)),
    });
    await expectAsItWas(staging);
  });

  test("names the sessions that keep it waiting, and ends them where it is told to", async ({ staging }) => {
    await prepare(staging);
    await using session = await connect(staging.database.settings, { applicationName: "the app" });
    session.raw.on("error", () => undefined);
    await session.query("BEGIN; SELECT * FROM users");
    await expect(staging.seed(REBUILD)).rejects.toMatchObject({
      exit: "refused",
      message: expect.stringMatching(/is in use by process \d+ of .*the app, idle in transaction/),
    });
    await expectAsItWas(staging);
    await staging.seed({ ...REBUILD, endSessions: true });
    expect(await staging.value("SELECT count(*)::int FROM users")).toBe(3);
  });

  test("that is ended in the middle leaves everything as it was", async ({ staging }) => {
    await prepare(staging);
    await staging.write({ "seeds/4.sql": "SELECT pg_sleep(60)" });
    const controller = new AbortController();
    const ended = staging
      .seed(REBUILD, { dependencies: { signal: controller.signal } })
      .catch((error: unknown) => error);
    await expect.poll(() => staging.said, { timeout: 30_000 }).toContain("seeds/4.sql");
    controller.abort(new Error("told to end"));
    expect(await ended).toMatchObject({ message: "told to end" });
    await expectAsItWas(staging);
  });

  test("is made as the database's owner, by a role that may not create databases", async ({ staging }) => {
    const { name, server, settings } = staging.database;
    const role = `${name}_owner`;
    await runAsSuperuser(
      server,
      `CREATE ROLE ${role} LOGIN NOCREATEDB PASSWORD 'x'; ALTER DATABASE ${name} OWNER TO ${role}`,
    );
    await staging.write({ "schema.sql": "CREATE SCHEMA app; CREATE TABLE app.users (id int)" });
    await staging.query(`ALTER TABLE content OWNER TO ${role}`);
    const { Secret } = await import("../../../src/config/secret.ts");
    const connection = { ...settings, user: role, password: new Secret("x") };
    for (const who of [connection, settings]) {
      await staging.seed(
        { ...IN_PLACE, schema: { sql: "schema.sql" } },
        { request: { target: { name: "staging", environment: "staging", connection: who } } },
      );
      expect(
        await staging.value("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'users'"),
      ).toBe(role);
    }
    await runAsSuperuser(server, `ALTER DATABASE ${name} OWNER TO CURRENT_USER`);
    await staging.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  });

  test("that is only previewed, or refused, changes nothing", async ({ staging }) => {
    await prepare(staging);
    const log = await followLog(staging.database.server);
    expect(await staging.preview(REBUILD)).toMatchObject({
      strategy: "schema",
      identity: { stamp: "staging" },
    });
    await expect(staging.seed({ ...REBUILD, environment: "review" })).rejects.toMatchObject({
      exit: "refused",
    });
    const ours = (await log.read())
      .split("\n")
      .filter((line) => line.includes(`@${staging.database.name}/dataops:`));
    expect(ours.length).toBeGreaterThan(5);
    expect(ours.filter((line) => /BEGIN|DROP|TRUNCATE|CREATE|LOCK/.test(line))).toEqual([]);
    await expectAsItWas(staging);
  });
});

async function expectAsItWas(staging: Staging): Promise<void> {
  expect(await staging.value("SELECT value FROM content")).toBe("before");
  expect(await staging.query("SELECT email FROM everyone")).toEqual([{ email: "before@x" }]);
  expect(await staging.value("SELECT count(*)::int FROM app.orders")).toBe(1);
  expect(await staging.value("SELECT version FROM schema_migrations")).toBe("1");
}
