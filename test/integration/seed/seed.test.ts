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
