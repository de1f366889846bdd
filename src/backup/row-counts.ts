import { DataopsError, isDataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import type { ManifestTable } from "../repository/manifest.ts";
import { qualifiedName, type SourceTable } from "./source-tables.ts";

/** Tables counted by one statement. */
const TABLES_PER_STATEMENT = 100;

/**
 * Every page once, in order, by one process: where rows have changed, an index has to ask the table for each row, in the
 * index's order, which took more than thirty times as long. The rest of the machine is for those who read the rows.
 */
const COUNTING_SETTINGS =
  "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; " +
  "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off";

/**
 * Takes the lock that reading a table needs on all of them at once, as pg_dump does: what is locked can neither be dropped
 * nor rewritten under the snapshot, and later reads never queue behind a migration that waits.
 *
 * Within the client's transaction, which holds them. `timeout` in milliseconds bounds all of it.
 *
 * @throws DataopsError `failed` after `timeout`, or where a table was dropped since the snapshot; `notPermitted`
 */
export async function lockTables(
  client: PostgresClient,
  tables: readonly SourceTable[],
  timeout: number,
): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map((table) => `ONLY ${qualifiedName(table)}`).join(", ");
  await client.query(`SET LOCAL statement_timeout = ${Math.ceil(timeout)}`);
  await client.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`).catch(explainRefusal);
  await client.query("SET LOCAL statement_timeout = 0");
}

/**
 * Counts the rows of each table that the client's transaction sees, children and partitions by themselves.
 *
 * @throws DataopsError `notPermitted` where row-level security would hide rows from this role
 */
export async function countRows(
  client: PostgresClient,
  tables: readonly SourceTable[],
): Promise<ManifestTable[]> {
  const counted: ManifestTable[] = [];
  for (let first = 0; first < tables.length; first += TABLES_PER_STATEMENT) {
    const batch = tables.slice(first, first + TABLES_PER_STATEMENT);
    // Planning locks every index; undoing to the savepoint gives those locks back, or 10,000 tables need too many.
    await client.query(`SAVEPOINT counting; ${COUNTING_SETTINGS}`);
    const rows = await client
      .query<{ index: number; rows: string }>(countStatement(batch))
      .catch(explainRefusal);
    await client.query("ROLLBACK TO SAVEPOINT counting; RELEASE SAVEPOINT counting");
    const countByIndex = new Map(rows.map((row) => [row.index, Number(row.rows)]));
    counted.push(...batch.map((table, index) => describeCount(table, countByIndex.get(index))));
  }
  return counted;
}

function countStatement(tables: readonly SourceTable[]): string {
  return tables
    .map(
      (table, index) =>
        `SELECT ${index} AS index, pg_catalog.count(*) AS rows FROM ONLY ${qualifiedName(table)} ${table.condition}`,
    )
    .join("\nUNION ALL ");
}

function describeCount(table: SourceTable, rows: number | undefined): ManifestTable {
  const { schema, name, extension, partitionOf } = table;
  if (rows === undefined) throw new Error(`no count of ${schema}.${name}`);
  return {
    schema,
    name,
    rows,
    ...(extension === undefined ? {} : { extension }),
    ...(partitionOf === undefined ? {} : { partitionOf }),
  };
}

/** With `row_security` off the server refuses to read a table rather than hide rows of it; its message names the table. */
function explainRefusal(error: unknown): never {
  if (!isDataopsError(error, "notPermitted")) throw error;
  throw new DataopsError("notPermitted", error.message, {
    hint: "a backup reads all rows of all tables: connect as their owner, or grant pg_read_all_data and BYPASSRLS",
    cause: error,
  });
}
