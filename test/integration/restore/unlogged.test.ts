import { afterEach, describe, expect, vi } from "vitest";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { createDatabase, test } from "../../support/postgres-test.ts";
import { connectTo, dump, load, scratchIn } from "../../support/scratch.ts";
import type { SharedPostgres } from "../../support/shared-servers.ts";

const LONG = 120_000;

/** What stands in the way of making tables unlogged and logged again, or could be left otherwise. */
const AWKWARD = `
  CREATE SCHEMA awkward;
  CREATE TABLE awkward.parents (id int PRIMARY KEY);
  CREATE TABLE awkward.children (id int PRIMARY KEY, parent int REFERENCES awkward.parents, sibling int REFERENCES awkward.children);
  INSERT INTO awkward.parents VALUES (1);
  INSERT INTO awkward.children VALUES (1, 1, 1);
  CREATE TABLE awkward.row_types (value awkward.parents);
  INSERT INTO awkward.row_types VALUES (ROW(7));
  CREATE TABLE awkward.split (id int) PARTITION BY RANGE (id);
  CREATE TABLE awkward.split_low PARTITION OF awkward.split FOR VALUES FROM (0) TO (10);
  CREATE UNLOGGED TABLE awkward.split_high PARTITION OF awkward.split FOR VALUES FROM (10) TO (20);
  INSERT INTO awkward.split VALUES (1), (11);
  CREATE TABLE awkward.numbered (id serial, other int GENERATED ALWAYS AS IDENTITY);
  INSERT INTO awkward.numbered DEFAULT VALUES;
  CREATE UNLOGGED TABLE awkward.passing (id serial);
  INSERT INTO awkward.passing DEFAULT VALUES`;

/** Persistence of sequences came with PostgreSQL 15. */
const UNLOGGED_SEQUENCE = "ALTER SEQUENCE awkward.numbered_id_seq SET UNLOGGED";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** `u awkward.passing`, of all tables and sequences of the database. */
async function persistences(client: PostgresClient): Promise<string[]> {
  const rows = await client.query<{ text: string }>(
    `SELECT relpersistence::text || ' ' || oid::regclass::text AS text FROM pg_class
      WHERE relkind IN ('r', 'p', 'S', 'm', 'i') AND relnamespace::regnamespace::text !~ '^pg_|^information_schema$' ORDER BY oid::regclass::text`,
  );
  return rows.map(({ text }) => text);
}

describe("a fast load", () => {
  async function expectSame(server: SharedPostgres): Promise<void> {
    const original = await createDatabase(server);
    try {
      await using source = await original.connect();
      await source.query(everyKindOfTable({ size: 1_000_000 }));
      await source.query(AWKWARD);
      await source.query(UNLOGGED_SEQUENCE);
      await using dumped = await dump(original);
      await using maintenance = await connectTo(server);
      await using scratch = await scratchIn(maintenance, dumped.manifest.source);
      let meanwhile: string[] = [];
      await load(server, dumped, scratch, {
        fast: true,
        loadBlocks: async () => {
          await using client = await scratch.connectAsLoader();
          meanwhile = await persistences(client);
        },
      });
      expect(meanwhile).toEqual(expect.arrayContaining(["u awkward.children", "u awkward.split_low"]));
      await scratch.handOver();
      const restored = settingsFor(server, { database: scratch.name });
      await using result = await connect(restored, { applicationName: "test" });
      expect(await persistences(result)).toEqual(await persistences(source));
      vi.stubEnv("DATAOPS_POSTGRES_BIN", server.programs);
      expect(await compareDatabases(original.settings, restored)).toEqual([]);
    } finally {
      await original.drop();
    }
  }

  test("leaves every table as durable as it was, PostgreSQL 15", { timeout: LONG }, ({ postgres15 }) =>
    expectSame(postgres15),
  );
  test("leaves every table as durable as it was, PostgreSQL 18", { timeout: LONG }, ({ postgres18 }) =>
    expectSame(postgres18),
  );
});
