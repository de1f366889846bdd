import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { connect } from "../../../src/postgres/client.ts";
import { checkRows } from "../../../src/restore/load/row-check.ts";
import { runAsSuperuser, test, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";
import type { ManifestTable } from "../../../src/repository/manifest.ts";

const NOTHING_MISSING = new Set<string>();

async function check(
  database: TestDatabase,
  tables: ManifestTable[],
  missing = NOTHING_MISSING,
): Promise<void> {
  await using client = await database.connect();
  await checkRows(client, { manifest: { tables }, missingExtensions: missing });
}

function table(name: string, rows: number, schema = "public"): ManifestTable {
  return { schema, name, rows };
}

describe("checkRows", () => {
  const SAMPLE = `
    CREATE SCHEMA "Odd ""Names""";
    CREATE TABLE full_one AS SELECT generate_series(1, 7) AS id;
    CREATE TABLE empty_one (id int);
    CREATE TABLE "Odd ""Names""".full_one AS SELECT generate_series(1, 3) AS id;
    CREATE TABLE parent (id int);
    CREATE TABLE child () INHERITS (parent);
    INSERT INTO parent SELECT generate_series(1, 2);
    INSERT INTO child SELECT generate_series(1, 5);`;

  test("is content with what the manifest says, children by themselves", async ({ database }) => {
    await using client = await database.connect();
    await client.query(SAMPLE);
    await check(database, [
      table("full_one", 7),
      table("empty_one", 0),
      table("full_one", 3, 'Odd "Names"'),
      table("parent", 2),
      table("child", 5),
    ]);
  });

  test("names every table that differs, with both numbers", async ({ database }) => {
    await using client = await database.connect();
    await client.query(SAMPLE);
    await expect(
      check(database, [table("full_one", 8), table("empty_one", 0), table("parent", 7), table("nowhere", 1)]),
    ).rejects.toMatchObject({
      exit: "corrupt",
      message:
        "the restored rows are not those of the backup: public.full_one has 7 (backup: 8), " +
        "public.parent has 2 (backup: 7), public.nowhere is missing (backup: 1)",
    });
  });

  test("counts hundreds of tables, and names the first few", async ({ database }) => {
    await using client = await database.connect();
    await client.query(
      "DO $$ BEGIN FOR i IN 1..250 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT generate_series(1, %s)', i, i); END LOOP; END $$",
    );
    const tables = Array.from({ length: 250 }, (_, index) => table(`t${index + 1}`, index + 1));
    await check(database, tables);
    const off = tables.map((entry) => (entry.rows > 240 ? { ...entry, rows: 0 } : entry));
    await expect(check(database, off)).rejects.toThrow(
      /public\.t241 has 241 \(backup: 0\), .*public\.t245 .*, and 5 more$/,
    );
  });

  test("takes no view for a table, and runs nothing of it", async ({ database }) => {
    await using client = await database.connect();
    await client.query(`CREATE TABLE ran (at text);
      CREATE FUNCTION trap() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trap ran'; END $$;
      CREATE VIEW orders AS SELECT trap()`);
    await expect(check(database, [table("orders", 1)])).rejects.toThrow(/public\.orders is missing/);
  });

  test("counts what forced policies hide, and leaves them as they are", async ({ database }) => {
    const user = uniqueName("owner");
    await runAsSuperuser(database.server, `CREATE ROLE ${user} LOGIN PASSWORD 'x'`);
    await using superuser = await database.connect();
    await superuser.query(`GRANT CREATE ON SCHEMA public TO ${user}`);
    await using client = await connect(
      { ...database.settings, user, password: new Secret("x") },
      { applicationName: "test" },
    );
    await client.query(`CREATE TABLE hidden AS SELECT generate_series(1, 4) AS id;
      ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY nobody ON hidden USING (false)`);
    await checkRows(client, {
      manifest: { tables: [table("hidden", 4)] },
      missingExtensions: NOTHING_MISSING,
    });
    expect(await client.query("SELECT count(*) FROM hidden")).toEqual([{ count: "0" }]);
  });

  test("skips the tables of an extension that is not there", async ({ database }) => {
    const tables = [{ ...table("spatial_ref_sys", 3), extension: "postgis" }];
    await check(database, tables, new Set(["postgis"]));
    await expect(check(database, tables)).rejects.toMatchObject({ exit: "corrupt" });
  });
});
