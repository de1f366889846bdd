import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import { countRows, lockTables } from "../../../src/backup/row-counts.ts";
import { Secret } from "../../../src/config/secret.ts";
import { listSourceTables } from "../../../src/backup/source-tables.ts";
import { isDataopsError } from "../../../src/errors.ts";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import { openSnapshot } from "../../../src/postgres/snapshot.ts";
import { chooseDumpClient, discoverTools } from "../../../src/postgres/tools.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { runAsSuperuser, test, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";
import { settingsFor } from "../../support/postgres-servers.ts";

const run = promisify(execFile);

/** The tables whose rows stock pg_dump writes, counted in what it wrote. */
async function dumpedRowCounts(database: TestDatabase): Promise<Map<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), "dataops-test-"));
  try {
    const { settings } = database;
    const tools = chooseDumpClient(await discoverTools(process.env), 150_000);
    const environment = {
      PATH: process.env["PATH"],
      PGHOST: settings.host,
      PGPORT: String(settings.port),
      PGUSER: settings.user,
      PGPASSWORD: settings.password?.reveal(),
      PGDATABASE: settings.database,
    };
    const plain = join(directory, "plain.sql");
    await run(
      join(tools.directory, "pg_dump"),
      ["--data-only", "--quote-all-identifiers", `--file=${plain}`],
      {
        env: environment,
      },
    );
    return countCopiedRows(await run("cat", [plain], { maxBuffer: 1024 ** 3 }).then(({ stdout }) => stdout));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Rows per `COPY "schema"."table" (…) FROM stdin;` in a plain dump. Quoted names may go over several lines. */
function countCopiedRows(dump: string): Map<string, number> {
  const counts = new Map<string, number>();
  const copy = /^COPY ("(?:[^"]|"")*")\.("(?:[^"]|"")*") [^]*?FROM stdin;\n([^]*?)^\\\.$/gm;
  for (const [, schema = "", name = "", rows = ""] of dump.matchAll(copy)) {
    counts.set(`${unquote(schema)}.${unquote(name)}`, rows.split("\n").length - 1);
  }
  return counts;
}

function unquote(identifier: string): string {
  return identifier.slice(1, -1).replaceAll('""', '"');
}

async function countAll(client: PostgresClient): Promise<Map<string, number>> {
  await using snapshot = await openSnapshot(client);
  const tables = await listSourceTables(snapshot.client);
  const counted = await countRows(snapshot.client, tables);
  return new Map(counted.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]));
}

describe("the tables and counts of a manifest", () => {
  test("are those that stock pg_dump writes, for every kind of table", async ({ database }) => {
    const client = await database.connect();
    await client.query(everyKindOfTable({ size: 2_000_000 }));
    const counts = await countAll(client);
    expect(counts).toEqual(await dumpedRowCounts(database));
    expect(counts.size).toBeGreaterThan(20);
  });

  test("leave out an extension's own tables, and count of its configuration what the extension says", async ({
    database,
  }) => {
    const client = await database.connect();
    await client.query(`
      CREATE EXTENSION hstore;
      CREATE TABLE settings (name text, own boolean);
      CREATE TABLE cities (name text);
      CREATE TABLE secret (name text);
      ALTER EXTENSION hstore ADD TABLE settings;
      ALTER EXTENSION hstore ADD TABLE cities;
      ALTER EXTENSION hstore ADD TABLE secret;
      INSERT INTO settings SELECT 'setting ' || n, n > 3 FROM generate_series(1, 10) AS n;
      INSERT INTO cities VALUES ('Ghent'), ('Graz');
      INSERT INTO secret VALUES ('built in');
      UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid, 'cities'::regclass::oid],
             extcondition = ARRAY['WHERE own', ''] WHERE extname = 'hstore'`);
    await using snapshot = await openSnapshot(client);
    const counted = await countRows(client, await listSourceTables(client));
    expect(counted).toEqual([
      { schema: "public", name: "cities", rows: 2, extension: "hstore" },
      { schema: "public", name: "settings", rows: 7, extension: "hstore" },
    ]);
    expect(snapshot.id).not.toBe("");
    expect(await dumpedRowCounts(database)).toEqual(
      new Map([
        ["public.cities", 2],
        ["public.settings", 7],
      ]),
    );
  });

  test("name the topmost table of each partition, and none of a child by inheritance", async ({
    database,
  }) => {
    const client = await database.connect();
    await client.query(`
      CREATE SCHEMA "Old";
      CREATE TABLE events (at int) PARTITION BY RANGE (at);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
      CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (at);
      CREATE TABLE "Old".events_2a PARTITION OF events_2 FOR VALUES FROM (10) TO (15);
      CREATE TABLE parent (id int);
      CREATE TABLE child () INHERITS (parent);
      INSERT INTO events VALUES (1), (11), (12)`);
    await using _snapshot = await openSnapshot(client);
    const partitionOf = { schema: "public", name: "events" };
    expect(await countRows(client, await listSourceTables(client))).toEqual([
      { schema: "Old", name: "events_2a", rows: 2, partitionOf },
      { schema: "public", name: "child", rows: 0 },
      { schema: "public", name: "events_1", rows: 1, partitionOf },
      { schema: "public", name: "parent", rows: 0 },
    ]);
  });

  test("are of the snapshot, whatever happens after it", async ({ database }) => {
    const client = await database.connect();
    await client.query("CREATE TABLE orders AS SELECT generate_series(1, 10) AS id");
    const other = await database.connect();
    await using snapshot = await openSnapshot(client);
    await other.query("DELETE FROM orders WHERE id <= 7");
    expect(await countRows(snapshot.client, await listSourceTables(client))).toMatchObject([{ rows: 10 }]);
  });

  test("of no tables are none", async ({ database }) => {
    const client = await database.connect();
    await using snapshot = await openSnapshot(client);
    const tables = await listSourceTables(client);
    await lockTables(client, tables, 1_000);
    expect(await countRows(snapshot.client, tables)).toEqual([]);
  });

  test("hold no index locks, so that thousands of tables do not use up the server's lock table", async ({
    database,
  }) => {
    const client = await database.connect();
    await client.query(
      "DO $$ BEGIN FOR n IN 1..150 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', n); END LOOP; END $$",
    );
    await using snapshot = await openSnapshot(client);
    const tables = await listSourceTables(client);
    await lockTables(client, tables, 1_000);
    await countRows(snapshot.client, tables);
    const locks = await client.query<{ relkind: string; count: string }>(
      `SELECT relkind, count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace n ON n.oid = relnamespace
        WHERE pid = pg_backend_pid() AND nspname = 'public' GROUP BY relkind`,
    );
    expect(locks).toEqual([{ relkind: "r", count: "150" }]);
  });

  test("are refused where row-level security hides rows from the role", async ({ database }) => {
    const role = uniqueName("reader");
    const client = await database.connect();
    await client.query(`
      CREATE TABLE orders (id int, customer text);
      ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
      CREATE ROLE ${role} LOGIN PASSWORD 'secret' IN ROLE pg_read_all_data`);
    try {
      const settings = { ...settingsFor(database.server, { database: database.name }), user: role };
      await using reader = await connect(
        { ...settings, password: new Secret("secret") },
        { applicationName: "test" },
      );
      await using snapshot = await openSnapshot(reader);
      const failure: unknown = await countRows(snapshot.client, await listSourceTables(reader)).catch(
        (error: unknown) => error,
      );
      expect(isDataopsError(failure, "notPermitted")).toBe(true);
      expect(failure).toMatchObject({
        message: expect.stringContaining('row-level security policy for table "orders"'),
        hint: expect.stringContaining("BYPASSRLS"),
      });
    } finally {
      await runAsSuperuser(database.server, `DROP ROLE ${role}`);
    }
  });
});
