import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import {
  chooseBlockTables,
  readTableFacts,
  type BlockTable,
  type TableFacts,
} from "../../../../src/backup/blocks/eligible.ts";
import { listSourceTables } from "../../../../src/backup/source-tables.ts";
import { connect, type PostgresClient } from "../../../../src/postgres/client.ts";
import { quoteIdentifier, quoteQualified } from "../../../../src/postgres/quote.ts";
import { readServerFacts } from "../../../../src/postgres/server-facts.ts";
import { archivedTables } from "../../../support/archived-tables.ts";
import { everyKindOfTable } from "../../../support/every-kind-of-table.ts";
import {
  createDatabase,
  runAsSuperuser,
  test,
  uniqueName,
  type TestDatabase,
} from "../../../support/postgres-test.ts";
import { settingsFor } from "../../../support/postgres-servers.ts";
import { backUpInto } from "../../../support/run-backup.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const run = promisify(execFile);

/** One of each kind of table; `extension` is one that the server has. */
function everyKind(extension: string): string {
  return `
  CREATE TABLE plain (id int, note text);
  CREATE TABLE parted (id int, note text) PARTITION BY RANGE (id);
  CREATE TABLE part_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE part_late (note text, gone int, id int);
  ALTER TABLE part_late DROP COLUMN gone;
  ALTER TABLE parted ATTACH PARTITION part_late FOR VALUES FROM (10) TO (20);
  CREATE TABLE child (extra int) INHERITS (plain);
  CREATE FOREIGN DATA WRAPPER nowhere;
  CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;
  CREATE FOREIGN TABLE distant (id int) SERVER elsewhere;
  CREATE FOREIGN TABLE part_distant PARTITION OF parted FOR VALUES FROM (20) TO (30) SERVER elsewhere;
  CREATE UNLOGGED TABLE unlogged (id int);
  CREATE TEMPORARY TABLE fleeting (id int);
  CREATE VIEW looks AS SELECT * FROM plain;
  CREATE MATERIALIZED VIEW looked AS SELECT * FROM plain;
  CREATE ACCESS METHOD other_heap TYPE TABLE HANDLER heap_tableam_handler;
  CREATE TABLE other_method (id int) USING other_heap;
  CREATE TABLE generated (twice int GENERATED ALWAYS AS (id * 2) STORED, id int);
  CREATE TABLE only_generated (one int GENERATED ALWAYS AS (1) STORED);
  CREATE TABLE no_columns ();
  CREATE TABLE dropped (a int, id int, b int);
  ALTER TABLE dropped DROP COLUMN a, DROP COLUMN b;
  CREATE TABLE all_dropped (a int);
  ALTER TABLE all_dropped DROP COLUMN a;
  CREATE TABLE colliding (oid int, ctid_ int, "CTID" int, "rows" int, "........pg.dropped.1........" int, "a""b" int);
  CREATE TYPE shape AS (id int, note text);
  CREATE TABLE typed OF shape;
  CREATE TABLE ruled (id int);
  CREATE RULE elsewhere AS ON INSERT TO ruled DO INSTEAD NOTHING;
  CREATE RULE no_delete AS ON DELETE TO ruled DO INSTEAD NOTHING;
  CREATE TABLE secured (id int);
  ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
  CREATE EXTENSION ${extension};
  CREATE SCHEMA of_extension;
  ALTER EXTENSION ${extension} ADD SCHEMA of_extension;
  CREATE TABLE of_extension.own (id int);
  CREATE TABLE member (id int);
  CREATE TABLE configuration (id int);
  CREATE TABLE configuration_of_others (id int);
  ALTER EXTENSION ${extension} ADD TABLE member;
  ALTER EXTENSION ${extension} ADD TABLE configuration;
  CREATE TABLE information_schema.hidden (id int);
  CREATE TABLE information_schema.configuration (id int);
  ALTER EXTENSION ${extension} ADD TABLE information_schema.configuration;
  CREATE TABLE of_language (id int);
  ALTER EXTENSION plpgsql ADD TABLE of_language;
  UPDATE pg_extension SET extconfig = ARRAY['of_language'::regclass::oid], extcondition = ARRAY['']
   WHERE extname = 'plpgsql';
  UPDATE pg_extension SET extcondition = ARRAY['WHERE id > 1', '', ''],
         extconfig = ARRAY['configuration', 'configuration_of_others', 'information_schema.configuration']::regclass[]::oid[]
   WHERE extname = '${extension}'`;
}

/** The facts that make a table differ from an ordinary one of one column, by name. */
const EXPECTED_FACTS = {
  plain: { columns: ["id", "note"] },
  part_low: { columns: ["id", "note"] },
  part_late: { columns: ["note", "id"] },
  child: { columns: ["id", "note", "extra"] },
  unlogged: { persistence: "u" },
  other_method: { accessMethod: "other_heap" },
  generated: {},
  only_generated: { columns: [] },
  no_columns: { columns: [] },
  dropped: {},
  all_dropped: { columns: [] },
  colliding: { columns: ["oid", "ctid_", "CTID", "rows", "........pg.dropped.1........", 'a"b'] },
  typed: { columns: ["id", "note"] },
  ruled: {},
  secured: {},
  own: { schema: "of_extension" },
  member: { isExtensions: true },
  configuration: { isExtensions: true },
  configuration_of_others: { isExtensions: true },
  of_language: { isExtensions: true },
} satisfies Record<string, Partial<TableFacts>>;

const CHOSEN = [
  "child",
  "colliding",
  "dropped",
  "generated",
  "own",
  "part_late",
  "part_low",
  "plain",
  "ruled",
  "secured",
  "typed",
];

async function chooseAll(client: PostgresClient): Promise<BlockTable[]> {
  const { source } = await readServerFacts(client);
  return chooseBlockTables(await readTableFacts(client), source, 0);
}

/** The lines that begin each table's rows in a plain dump: `COPY "public"."orders" ("id") FROM stdin;`. */
async function plainDump({ server, name }: TestDatabase): Promise<string> {
  const env = {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: name,
  };
  const program = join(server.programs ?? "", "pg_dump");
  const { stdout } = await run(program, ["--data-only", "--quote-all-identifiers"], {
    env,
    maxBuffer: 2 ** 28,
  });
  return stdout;
}

function copyLine({ schema, name, columns }: BlockTable): string {
  return `\nCOPY ${quoteQualified(schema, name)} (${columns.map(quoteIdentifier).join(", ")}) FROM stdin;\n`;
}

describe("which tables are read as blocks", () => {
  for (const [version, extension] of [
    ["postgres15", "hstore"],
    ["postgres18", "vector"],
  ] as const) {
    test(`is right for every kind of table, ${version}`, async ({ postgres15, postgres18 }) => {
      const database = await createDatabase({ postgres15, postgres18 }[version]);
      const client = await database.connect();
      await client.query(everyKind(extension));
      const facts = await readTableFacts(client);
      const names = facts.map(({ name }) => name);
      expect(names.sort()).toEqual(Object.keys(EXPECTED_FACTS).sort());
      const ordinary = {
        schema: "public",
        kind: "r",
        persistence: "p",
        accessMethod: "heap",
        isExtensions: false,
        isReadable: true,
        columns: ["id"],
      };
      for (const table of facts) {
        const differing = Object.entries(EXPECTED_FACTS).find(([name]) => name === table.name)?.[1];
        expect(table).toMatchObject({ ...ordinary, ...differing });
      }
      const chosen = await chooseAll(client);
      expect(chosen.map(({ name }) => name).sort()).toEqual(CHOSEN);
      const plain = await plainDump(database);
      for (const table of chosen) expect(plain).toContain(copyLine(table));
      await database.drop();
    });

    test(`leaves the archive the rest, and all of it is counted, ${version}`, async ({
      postgres15,
      postgres18,
    }) => {
      const database = await createDatabase({ postgres15, postgres18 }[version]);
      const client = await database.connect();
      await client.query(everyKind(extension));
      const chosen = new Set((await chooseAll(client)).map(({ oid }) => oid));
      const counted = await listSourceTables(client);
      const rest = counted.filter(({ oid }) => !chosen.has(oid)).map(({ oid }) => oid);
      expect(counted.length - rest.length).toBe(chosen.size);
      expect(await archivedTables(database, await chooseAll(client))).toEqual(new Set(rest));
      expect(await archivedTables(database)).toEqual(new Set(counted.map(({ oid }) => oid)));
      await database.drop();
    });
  }

  test("leaves out virtual columns, PostgreSQL 18", async ({ postgres18 }) => {
    const database = await createDatabase(postgres18);
    const client = await database.connect();
    await client.query(`
      CREATE TABLE mixed (a int GENERATED ALWAYS AS (id + 1), id int, b int GENERATED ALWAYS AS (id + 2) STORED, note text);
      CREATE TABLE only_virtual (one int GENERATED ALWAYS AS (1) VIRTUAL)`);
    const chosen = await chooseAll(client);
    expect(chosen).toMatchObject([{ name: "mixed", columns: ["id", "note"] }]);
    const plain = await plainDump(database);
    for (const table of chosen) expect(plain).toContain(copyLine(table));
    await database.drop();
  });

  test("names the columns as pg_dump does, for every table there is", async ({ database }) => {
    const client = await database.connect();
    await client.query(everyKindOfTable({ size: 300_000 }));
    const chosen = await chooseAll(client);
    expect(chosen.length).toBeGreaterThan(20);
    const plain = await plainDump(database);
    for (const table of chosen) expect(plain).toContain(copyLine(table));
  });

  test.for(["LATIN1", "SQL_ASCII"])(
    "is none in %s, and the backup is whole",
    async (encoding, { postgres15 }) => {
      const name = uniqueName("encoded");
      await runAsSuperuser(
        postgres15,
        `CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`,
      );
      const settings = settingsFor(postgres15, { database: name });
      try {
        await using client = await connect(settings, { applicationName: "test" });
        await client.query(`CREATE TABLE "é" AS SELECT 'ü' AS "ö"`);
        expect(await readTableFacts(client)).toMatchObject([{ name: "é", columns: ["ö"] }]);
        expect(await chooseAll(client)).toEqual([]);
        const folder = await temporaryFolder("encoded");
        const { blocks, tables } = await backUpInto(folder, settings);
        expect({ blocks, tables }).toEqual({
          blocks: null,
          tables: [{ schema: "public", name: "é", rows: 1 }],
        });
      } finally {
        await runAsSuperuser(postgres15, `DROP DATABASE ${name} WITH (FORCE)`);
      }
    },
  );
});
