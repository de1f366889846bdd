import { describe, expect } from "vitest";
import { test } from "../../support/seed-test.ts";

const SCHEMA = `CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, age int);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL REFERENCES users, note text DEFAULT 'none', big numeric, tags text[], extra jsonb);
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS orders FROM orders;`;

describe("seeds", () => {
  test("of every kind are loaded in the order of their names, and sequences follow", async ({ staging }) => {
    await staging.write({
      "schema.sql": `\\restrict abc123\n${SCHEMA}\n\\unrestrict abc123\n`,
      "seeds/010_users.csv": '\uFEFFid,"name",age\n1,Ada,36\n2,"O\'Hara, ""Bob""",\n7,"",5\n',
      "seeds/020_orders.json": JSON.stringify({
        orders: [
          { id: 41, user_id: 1, tags: ["a", "b"], extra: { deep: [1] } },
          { user_id: 2, note: null },
        ],
      }).replace('"id":41', '"id":41,"big":12345678901234567890.123'),
      "seeds/030_more.sql": "BEGIN; INSERT INTO users (name) VALUES ('from sql'); COMMIT;",
      "seeds/040_module.ts": `
        import { names } from "./lib/names.ts";
        export async function seed({ client, log, faker }: any): Promise<void> {
          log("hello");
          for (const name of names) await client.query("INSERT INTO users (name, age) VALUES ($1, $2)", [name, faker.number.int(99)]);
          const { rows } = await client.query("SELECT count(*)::int AS n FROM users");
          log("users: " + rows[0].n);
        }`,
      "seeds/lib/names.ts": 'export const names: string[] = ["from module"];',
    });
    // What SQL inserted took 1 from the sequence, which the rows of the CSV file have.
    const outcome = staging.seed({
      schema: { sql: "schema.sql" },
      seeds: ["seeds/*.sql", "seeds/*.{csv,json,ts}"],
    });
    await expect(outcome).rejects.toThrow("seeds/030_more.sql: duplicate key");
    await staging.write({
      "seeds/030_more.sql": "BEGIN; INSERT INTO users (id, name) VALUES (100, 'from sql'); COMMIT;",
      "seeds/040_module.ts":
        'export async function seed({ client, faker, log }) { log("hello"); await client.query("INSERT INTO users (id, name) VALUES (200, $1)", [faker.person.fullName()]); }',
    });
    const done = await staging.seed({
      schema: { sql: "schema.sql" },
      seeds: ["seeds/*.sql", "seeds/*.{csv,json,ts}"],
      expect: { users: 5, "public.orders": ">=2" },
    });
    expect(done).toMatchObject({ fromTemplate: false, old: `${staging.database.name}__old`, failedJobs: [] });
    expect(staging.said).toContain("seeds/040_module.ts: hello");
    expect(await staging.query("SELECT id, name, age FROM users WHERE id < 200 ORDER BY id")).toEqual([
      { id: 1, name: "Ada", age: 36 },
      { id: 2, name: `O'Hara, "Bob"`, age: null },
      { id: 7, name: "", age: 5 },
      { id: 100, name: "from sql", age: null },
    ]);
    expect(await staging.query("SELECT id, big, note, tags, extra FROM orders ORDER BY id")).toEqual([
      { id: "1", big: null, note: null, tags: null, extra: null },
      { id: "41", big: "12345678901234567890.123", note: "none", tags: ["a", "b"], extra: { deep: [1] } },
    ]);
    expect(await staging.value("SELECT nextval('users_id_seq')::int")).toBe(201);
    expect(await staging.value("INSERT INTO orders (user_id) VALUES (1) RETURNING id::int")).toBe(42);
    expect(await staging.value("SELECT orders::int FROM totals")).toBe(2);
    expect(await staging.value("SELECT current_setting('dataops.environment')")).toBe("staging");
    expect(await staging.value("SELECT value FROM content", `${staging.database.name}__old`)).toBe("before");
  });

  test("of a module are in one transaction", async ({ staging }) => {
    await staging.write({
      "schema.sql":
        "CREATE TABLE users (id int PRIMARY KEY, friend int REFERENCES users DEFERRABLE INITIALLY DEFERRED)",
      "seed.js": `export async function seed({ client }) {
        await client.query("INSERT INTO users VALUES (1, 2)");
        await client.query("INSERT INTO users VALUES (2, 1)");
        const { rows, rowCount } = await client.query("SELECT 1; SELECT id FROM users");
        if (rowCount !== 2 || rows[1].id !== 2) throw new Error(JSON.stringify(rows));
      }`,
      "bad.js": `export async function seed({ client }) {
        await client.query("INSERT INTO users VALUES (3, 4)");
      }`,
    });
    const section = { schema: { sql: "schema.sql" }, seeds: ["seed.js"], expect: { users: 2 } };
    await staging.seed(section);
    await expect(staging.seed({ ...section, seeds: ["seed.js", "bad.js"] })).rejects.toMatchObject({
      exit: "failed",
      message: expect.stringMatching(/^bad\.js: insert or update on table "users" violates foreign key/),
    });
  });

  test.for<[string, string, string]>([
    [
      "1_users.csv",
      "id,name\n1,Ada\nx,Bob\n",
      '1_users.csv, line 3: invalid input syntax for type integer: "x"',
    ],
    ["1_users.csv", "id,nmae\n1,Ada\n", '1_users.csv: column "nmae" of relation "users" does not exist'],
    ["1_users.csv", "", "1_users.csv has no header"],
    ["1_nothing.csv", "id\n1\n", '1_nothing.csv: relation "nothing" does not exist'],
    [
      "1.json",
      '{ "users": [ { "id": 1, "nmae": "Ada" } ] }',
      '1.json: column "nmae" of relation "users" does not exist',
    ],
    ["1.json", '{ "users": { "id": 1 } }', "1.json cannot be read: it does not hold lists of rows"],
    ["1.json", '{ "users": [', "1.json cannot be read: "],
    ["1.js", "export const sead = 1", "1.js exports no function seed"],
    ["1.js", "import './nowhere.js'", "1.js cannot be loaded: "],
    ["1.js", "export const seed = () => { throw new Error('no luck') }", "1.js: no luck"],
    ["1.sql", "\\i other.sql", '1.sql, line 1: syntax error at or near "\\"'],
  ])("that are wrong are named: %s with %j", async ([name, content, says], { staging }) => {
    await staging.write({ "schema.sql": "CREATE TABLE users (id int, name text)", [name]: content });
    await expect(staging.seed({ schema: { sql: "schema.sql" }, seeds: [name] })).rejects.toMatchObject({
      exit: "failed",
      message: expect.stringContaining(says),
      hint: expect.any(String),
    });
    expect(await staging.value("SELECT value FROM content")).toBe("before");
    expect(await staging.family()).toEqual([staging.database.name]);
  });

  test.for<[object, string]>([
    [{ seeds: ["nothing/*"] }, "seeds: nothing/* fits no file"],
    [{ seeds: ["schema.txt"] }, "seeds: schema.txt is no kind of file"],
    [{ seeds: [{ command: ["./nowhere"] }] }, "./nowhere: there is no program ./nowhere"],
    [{ seeds: [{ command: ["true"], inputs: ["nothing"] }] }, "seeds: nothing fits no file"],
    [{ schema: { sql: "nothing.sql" } }, "seeds: nothing.sql fits no file"],
  ])(
    "that are not there are named before anything is connected to: %j",
    async ([section, says], { staging }) => {
      await staging.write({ "schema.sql": "", "schema.txt": "" });
      const connection = { ...staging.database.settings, port: 1 };
      const target = { name: "staging", environment: "staging", connection };
      await expect(
        staging.seed({ schema: { sql: "schema.sql" }, ...section }, { request: { target } }),
      ).rejects.toMatchObject({ exit: "usage", message: expect.stringContaining(says) });
    },
  );

  test("of commands find the scratch database in their environment, and no other", async ({ staging }) => {
    await staging.write({
      "schema.sql": "CREATE TABLE users (id int, place text)",
      "load.sh": `#!/bin/sh\npsql -v ON_ERROR_STOP=1 -q -c "INSERT INTO users VALUES (1, current_database())"\npsql "$DATABASE_URL" -q -c "INSERT INTO users VALUES (2, current_database())"\n`,
    });
    const programs = staging.database.server.programs ?? "";
    const environment = { PATH: `${programs}:${process.env["PATH"]}`, PGDATABASE: staging.database.name };
    await staging.seed(
      { schema: { sql: "schema.sql" }, seeds: [{ command: ["sh", "load.sh"] }], expect: { users: 2 } },
      { dependencies: { environment } },
    );
    const rows = await staging.query<{ place: string }>("SELECT place FROM users");
    expect(rows.map(({ place }) => place.includes("__new_"))).toEqual([true, true]);
    expect(await staging.family()).not.toContain(`${staging.database.name}__template`);
  });
});
