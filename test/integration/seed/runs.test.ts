import { describe, expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { guard } from "../../../src/replace/guard/destructive.ts";
import { connectMaintenance, readTargetFacts } from "../../../src/replace/guard/target-facts.ts";
import { undo } from "../../../src/replace/swap/undo.ts";
import { changesIn } from "../../support/e2e-guard.ts";
import { exchangeOptions } from "../../support/restore-target.ts";
import { test, type Staging } from "../../support/seed-test.ts";
import { followLog } from "../../support/postgres-servers.ts";

const SECTION = {
  schema: { sql: "schema.sql" },
  seeds: ["seeds/*"],
  expect: { users: ">=3" },
};

async function writeSeeds(staging: Staging): Promise<void> {
  await staging.write({
    "schema.sql": "CREATE TABLE users (id serial PRIMARY KEY, name text)",
    "seeds/1.sql": "INSERT INTO users (name) VALUES ('one')",
    "seeds/2.csv.sql": "INSERT INTO users (name) VALUES ('two')",
    "seeds/3.ts":
      'import { name } from "../names.ts"; export const seed = ({ client }: any) => client.query("INSERT INTO users (name) VALUES ($1)", [name]);',
    "names.ts": 'export const name = "three";',
    "seeds/4_users.csv": "name\nfour\n",
    "seeds/5.json": '{ "users": [ { "name": "five" } ] }',
  });
}

const names = (staging: Staging) =>
  staging.value("SELECT string_agg(name, ' ' ORDER BY id) FROM users").then(String);

describe("a reset", () => {
  test("works every night in one process, as a copy while nothing changes", async ({ staging }) => {
    await writeSeeds(staging);
    for (let night = 1; night <= 10; night++) {
      const outcome = await staging.seed(SECTION);
      expect(outcome).toMatchObject({ fromTemplate: night > 1, failedJobs: [] });
      expect(await names(staging)).toBe("one two three four five");
      await staging.query("DELETE FROM users; INSERT INTO users (name) VALUES ('by day')");
    }
    expect(await staging.family()).toEqual(
      ["", "__old", "__template"].map((end) => staging.database.name + end),
    );
    expect(await leftovers(staging)).toEqual([]);
  });

  test.for<{ what: string; files?: Record<string, string>; section?: object; says: string }>([
    {
      what: "a file",
      files: { "seeds/1.sql": "INSERT INTO users (name) VALUES ('uno')" },
      says: "uno two three four five",
    },
    {
      what: "a new file",
      files: { "seeds/6.sql": "INSERT INTO users (name) VALUES ('six')" },
      says: "one two three four five six",
    },
    // That the module is loaded anew is for unit/seed/module.test.ts: vitest loads modules its own way.
    {
      what: "what a module imports",
      files: { "names.ts": 'export const name = "three"; // 3' },
      says: "one two three four five",
    },
    {
      what: "the schema",
      files: { "schema.sql": "CREATE TABLE users (id serial PRIMARY KEY, name text, age int)" },
      says: "one two three four five",
    },
    {
      what: "the order",
      section: { seeds: ["seeds/{1,2}*", { command: ["true"], inputs: ["schema.sql"] }, "seeds/{3,4,5}*"] },
      says: "one two three four five",
    },
    { what: "an expectation", section: { expect: { users: ">=4" } }, says: "one two three four five" },
  ])(
    "with $what changed is built again, and is then copied",
    async ({ files, section, says }, { staging }) => {
      await writeSeeds(staging);
      await staging.seed(SECTION);
      await staging.write(files ?? {});
      expect(await staging.seed({ ...SECTION, ...section })).toMatchObject({ fromTemplate: false });
      expect(await names(staging)).toBe(says);
      expect(await staging.seed({ ...SECTION, ...section })).toMatchObject({ fromTemplate: true });
      expect(await names(staging)).toBe(says);
    },
  );

  test("with `template: false` is built each time, and drops the template that is there", async ({
    staging,
  }) => {
    await writeSeeds(staging);
    await staging.seed(SECTION);
    for (let night = 1; night <= 2; night++) {
      expect(await staging.seed({ ...SECTION, template: false })).toMatchObject({ fromTemplate: false });
      expect(await staging.family()).toEqual(["", "__old"].map((end) => staging.database.name + end));
    }
  });

  test("whose third of five files fails leaves everything as it was", async ({ staging }) => {
    await writeSeeds(staging);
    await staging.write({
      "seeds/3.sql": "INSERT INTO users (name) VALUES ('x');\n\nINSERT INTO nothing VALUES (1);",
    });
    const failed = staging.seed({ ...SECTION, seeds: ["seeds/*.{sql,csv,json}"] });
    await expect(failed).rejects.toMatchObject({
      exit: "failed",
      message: 'seeds/3.sql, line 3: relation "nothing" does not exist',
    });
    await expectAsItWas(staging);
  });

  test.for([
    [{ users: 6 }, "users has 5 rows (expected: =6)"],
    [
      { users: ">=6", content: 1, "public.users": "<3" },
      "users has 5 rows (expected: >=6); there is no table content; public.users has 5 rows (expected: <3)",
    ],
  ] as const)(
    "that is not what is expected, %j, leaves everything as it was",
    async ([expected, says], { staging }) => {
      await writeSeeds(staging);
      await expect(staging.seed({ ...SECTION, expect: expected })).rejects.toMatchObject({
        exit: "failed",
        message: `not what is expected of the seeds: ${says}`,
      });
      await expectAsItWas(staging);
    },
  );

  test("names the sessions on the target, and ends them where it is told to", async ({ staging }) => {
    await writeSeeds(staging);
    await using session = await connect(staging.database.settings, { applicationName: "the app" });
    session.raw.on("error", () => undefined);
    const section = { ...SECTION, waitForSessions: "0s" };
    await expect(staging.seed(section)).rejects.toMatchObject({
      exit: "refused",
      message: expect.stringMatching(/is in use by process \d+ of test superuser in .* \(the app, idle\)/),
    });
    expect(await staging.value("SELECT value FROM content")).toBe("before");
    expect(await leftovers(staging)).toEqual([]);
    await staging.seed({ ...section, endSessions: true });
    expect(await names(staging)).toBe("one two three four five");
    expect(session.closed).toBe(true);
  });

  test.for(["a command", "a statement", "a module"])(
    "that is ended during %s leaves nothing",
    async (during, { staging }) => {
      await writeSeeds(staging);
      await staging.write({
        "slow/1.sql": "SELECT pg_sleep(60)",
        "slow/1.js": "export const seed = ({ log }) => { log('waiting'); return new Promise(() => {}); }",
      });
      const step = {
        "a command": { command: ["sleep", "60"] },
        "a statement": "slow/1.sql",
        "a module": "slow/1.js",
      }[during];
      const controller = new AbortController();
      const seeding = staging.seed(
        { ...SECTION, seeds: ["seeds/1.sql", step] },
        { dependencies: { signal: controller.signal } },
      );
      const ended = seeding.catch((error: unknown) => error);
      const running =
        { "a command": "sleep", "a statement": "slow/1.sql", "a module": "slow/1.js: waiting" }[during] ?? "";
      await expect.poll(() => staging.said, { timeout: 30_000 }).toContain(running);
      controller.abort(new Error("told to end"));
      expect(await ended).toMatchObject({ message: "told to end" });
      await expectAsItWas(staging);
    },
  );

  test("is taken back by undo, and undo by undo", async ({ staging }) => {
    await writeSeeds(staging);
    await staging.seed(SECTION);
    const { settings } = staging.database;
    const connection = { applicationName: "test of undo" };
    await using maintenance = await connectMaintenance(settings, connection);
    for (const table of ["content", "users"]) {
      const permission = await guard(
        maintenance,
        () => readTargetFacts(maintenance, settings, connection),
        { environment: "staging", configuredName: "staging", source: undefined },
        { confirmed: false },
      );
      await undo(permission, { ...exchangeOptions, connection, force: true });
      expect(await staging.value(`SELECT count(*)::int FROM ${table}`)).toBeGreaterThan(0);
    }
  });

  test("into a database that is not there yet stamps it, so that the next one may", async ({ staging }) => {
    await writeSeeds(staging);
    await staging.query(`DROP DATABASE ${staging.database.name} WITH (FORCE)`, "postgres");
    for (const fromTemplate of [false, true]) {
      expect(await staging.seed(SECTION)).toMatchObject({ fromTemplate });
      expect(await staging.value("SELECT current_setting('dataops.environment')")).toBe("staging");
    }
  });

  test("that is only previewed changes nothing, and says to which database it would be done", async ({
    staging,
  }) => {
    await writeSeeds(staging);
    const log = await followLog(staging.database.server);
    const preview = await staging.preview(SECTION);
    const [row] = await staging.query<{ oid: number; system: string; port: number }>(
      "SELECT oid, (SELECT system_identifier::text AS system FROM pg_control_system()), inet_server_port() AS port FROM pg_database WHERE datname = current_database()",
    );
    expect(preview).toEqual({
      strategy: "scratch",
      backup: undefined,
      schema: ["schema.sql"],
      seeds: ["seeds/1.sql", "seeds/2.csv.sql", "seeds/3.ts", "seeds/4_users.csv", "seeds/5.json"],
      fromTemplate: false,
      identity: {
        address: { host: "127.0.0.1", port: row?.port },
        systemIdentifier: row?.system,
        databaseName: staging.database.name,
        databaseOid: row?.oid,
        stamp: "staging",
      },
    });
    const statements = await log.read();
    // Others use the server, too.
    const run = new RegExp(`@${staging.database.name}/(dataops:\\S+) `).exec(statements)?.[1];
    expect(run, statements).toMatch(/^dataops:\d{8}T/);
    expect(changesIn(statements, run)).toEqual([]);
    await expectAsItWas(staging);
    await staging.seed(SECTION);
    expect(await staging.preview(SECTION)).toMatchObject({ fromTemplate: true });
  });
});

async function expectAsItWas(staging: Staging): Promise<void> {
  expect(await staging.value("SELECT value FROM content")).toBe("before");
  expect(await staging.family()).toEqual([staging.database.name]);
  expect(await leftovers(staging)).toEqual([]);
}

/** Sessions of a run that is over. */
async function leftovers(staging: Staging): Promise<unknown[]> {
  return await staging.query(
    `SELECT application_name FROM pg_stat_activity WHERE datname LIKE '${staging.database.name}%' AND application_name LIKE 'dataops:%'`,
    "postgres",
  );
}
