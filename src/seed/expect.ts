import type { SeedConfig } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { quoteTable } from "./load/table-name.ts";

type Expectations = SeedConfig["expect"];
type Expectation = Expectations[string];

/**
 * Counts the rows of tables of which something is expected.
 *
 * @throws DataopsError `failed` naming every table that has another number of rows, or is not there
 */
export async function checkExpectations(client: PostgresClient, expected: Expectations): Promise<void> {
  const failures: string[] = [];
  for (const [table, expectation] of Object.entries(expected)) {
    const rows = await countRows(client, table);
    const failure = describeFailure(table, rows, expectation);
    if (failure !== undefined) failures.push(failure);
  }
  if (failures.length === 0) return;
  throw new DataopsError("failed", `not what is expected of the seeds: ${failures.join("; ")}`, {
    hint: "correct the seeds, or `expect` in the configuration; nothing was replaced",
  });
}

/** What is wrong with that many rows; undefined where nothing is. Pure. */
export function describeFailure(
  table: string,
  rows: number | undefined,
  { operator, rows: wanted }: Expectation,
): string | undefined {
  if (rows === undefined) return `there is no table ${table}`;
  const isMet = {
    "=": rows === wanted,
    ">": rows > wanted,
    "<": rows < wanted,
    ">=": rows >= wanted,
    "<=": rows <= wanted,
  }[operator];
  return isMet ? undefined : `${table} has ${rows} rows (expected: ${operator}${wanted})`;
}

async function countRows(client: PostgresClient, table: string): Promise<number | undefined> {
  const [found] = await client.query<{ name: string | null }>(
    "SELECT pg_catalog.to_regclass($1)::text AS name",
    [quoteTable(table)],
  );
  if (found === undefined || found.name === null) return undefined;
  const [row] = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${found.name}`);
  return Number(row?.rows);
}
