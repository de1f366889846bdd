import { readFileSync } from "node:fs";

export interface EveryKindOptions {
  /** About what `pg_database_size` says afterwards, in bytes, beyond the 20 MB that the odd tables take. */
  size: number;
  /** The same seed gives the same rows. */
  seed?: number;
}

/**
 * Where the bytes go: the share of the size that each large table gets, and what a row of it weighs on disk with its
 * indexes and its toasted values.
 */
const BULK_TABLES = {
  ledger_rows: { share: 0.3, bytesPerRow: 144 },
  document_rows: { share: 0.36, bytesPerRow: 4900 },
  attachment_rows: { share: 0.1, bytesPerRow: 8200 },
  event_rows: { share: 0.18, bytesPerRow: 195 },
  scan_rows: { share: 0.06, bytesPerRow: 130_000 },
} as const;

/**
 * SQL that fills an empty database with every kind of table, value and name that a backup has to bring back unchanged.
 *
 * It is one multi-statement query for a superuser: send it as it is. The server makes the rows, so a gigabyte takes about a minute.
 */
export function everyKindOfTable({ size, seed = 1 }: EveryKindOptions): string {
  const values = new Map([["seed", seed]]);
  for (const [name, { share, bytesPerRow }] of Object.entries(BULK_TABLES)) {
    values.set(name, Math.max(10, Math.round((size * share) / bytesPerRow)));
  }
  return fillIn(sqlFile("bulk.sql") + sqlFile("odd.sql"), values);
}

function sqlFile(name: string): string {
  return readFileSync(new URL(`every-kind-of-table/${name}`, import.meta.url), "utf8");
}

/** Puts values in the place of `:name`, as psql would; the second colon of a cast begins no name. */
function fillIn(sql: string, values: ReadonlyMap<string, number>): string {
  return sql.replaceAll(/(?<!:):([a-z]+(?:_rows)?)\b/g, (text, name: string) =>
    String(values.get(name) ?? text),
  );
}
