import { hash } from "node:crypto";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { quoteIdentifier, quoteQualified } from "../../../src/postgres/quote.ts";
import { copyOut } from "../copy-out.ts";
import type { TestDatabase } from "../postgres-test.ts";
import type { StoredBlocks } from "../stored-blocks.ts";

/** What one COPY gives of each table that has to be blocks: `bytes digest` by schema and name. */
export type StockTexts = ReadonlyMap<string, string>;

/** Rows come in the order of the pages, and as text that follows from no default. */
const READING_SETTINGS = `
  SET DateStyle = ISO; SET IntervalStyle = postgres; SET extra_float_digits = 3; SET TimeZone = UTC; SET bytea_output = hex;
  SET row_security = off; SET search_path = ''; SET synchronize_seqscans = off; SET jit = off;
  SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0`;

/** Ordinary tables that are not unlogged, and have a column that is not generated. */
const TABLES = `
  SELECT nspname AS schema, relname AS name, array_agg(attname::text ORDER BY attnum) AS columns
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
   WHERE relkind = 'r' AND relpersistence = 'p' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
   GROUP BY nspname, relname`;

interface SourceTable extends Record<string, unknown> {
  schema: string;
  name: string;
  columns: string[];
}

/** Reads every table with one statement of its own. */
export async function readStockTexts(database: TestDatabase): Promise<StockTexts> {
  await using client = await database.connect();
  const tables = await client.query<SourceTable>(TABLES);
  await client.query(READING_SETTINGS);
  const texts = new Map<string, string>();
  for (const { schema, name, columns } of tables) {
    const list = columns.map(quoteIdentifier).join(", ");
    const copy = `COPY (SELECT ${list} FROM ONLY ${quoteQualified(schema, name)}) TO STDOUT`;
    texts.set(quoteQualified(schema, name), describe(await copyOut(client.raw, copy)));
  }
  return texts;
}

/** One line for each table whose blocks, one after the other, are not what one COPY gave. */
export async function compareTexts(
  expected: StockTexts,
  stored: StoredBlocks,
  manifest: Manifest,
): Promise<string[]> {
  const missing = new Set(expected.keys());
  const differences: string[] = [];
  for (const table of manifest.blocks?.tables ?? []) {
    const name = quoteQualified(table.schema, table.name);
    missing.delete(name);
    const found = await stored.text(table).then(describe, String);
    if (found !== expected.get(name)) {
      differences.push(`blocks of ${name}: expected ${expected.get(name) ?? "none"}, found ${found}`);
    }
  }
  return [...differences, ...[...missing].map((name) => `blocks of ${name} are missing`)];
}

function describe(text: Buffer): string {
  return `${text.byteLength} ${hash("sha256", text, "hex")}`;
}
