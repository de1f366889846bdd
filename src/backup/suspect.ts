import { humanBytes, humanCount, humanName, humanPlural } from "../observe/human.ts";
import type { Manifest } from "../repository/manifest.ts";

/** Whether a new backup is what it should be, judged by the last good one. */

/** Tables that are named one by one for the same reason. */
const MOST_NAMED = 10;

/** Characters of a table's name in a reason. */
const MAX_NAME_LENGTH = 200;

/** What a backup holds, as far as it is compared. */
export interface Contents {
  id: string;
  /**
   * Bytes of its rows and large objects as text. Not what is stored: packs hold what changed. Not the database's size either,
   * which has dead rows and indexes in it, and halves when somebody tidies up.
   */
  size: number;
  /** Rows by table, those of all partitions together: a partition more or less is nothing unusual. */
  tables: ReadonlyMap<string, TableContents>;
}

interface TableContents {
  schema: string;
  name: string;
  rows: number;
}

/** What is compared of a manifest: little enough to hold while a backup runs. */
export function contentsOf(manifest: Pick<Manifest, "id" | "archive" | "blocks" | "tables">): Contents {
  const tables = new Map<string, TableContents>();
  for (const { schema, name, rows, partitionOf } of manifest.tables) {
    const whole = partitionOf ?? { schema, name };
    const key = JSON.stringify([whole.schema, whole.name]);
    tables.set(key, {
      schema: whole.schema,
      name: whole.name,
      rows: (tables.get(key)?.rows ?? 0) + rows,
    });
  }
  const inBlocks = (manifest.blocks?.tables ?? []).reduce((sum, { size }) => sum + size, 0);
  return { id: manifest.id, size: manifest.archive.rawSize + inBlocks, tables };
}

/**
 * Why `current` is suspect: a table of `earlier` is gone, or empty, or at most half of the rows or of the bytes are left.
 * None where nothing is the matter, or where there is no earlier backup. Pure.
 *
 * `volatileTables`: tables that come and go, as `schema.table` or `table`: they and their rows are left aside.
 */
export function findSuspicions(
  current: Contents,
  earlier: Contents | undefined,
  volatileTables: readonly string[] = [],
): string[] {
  if (earlier === undefined) return [];
  const aside = new Set(volatileTables);
  const compared = [...earlier.tables].filter(([, table]) => !isAmong(aside, table));
  const gone = compared.filter(([key]) => !current.tables.has(key)).map(([, table]) => table);
  const emptied = compared
    .filter(([key, { rows }]) => rows > 0 && current.tables.get(key)?.rows === 0)
    .map(([, table]) => table);

  const rowsBefore = sumRows(compared.map(([, table]) => table));
  const rowsNow = sumRows([...current.tables.values()].filter((table) => !isAmong(aside, table)));
  return [
    ...named(gone, "gone", ({ rows }) => `is gone: it had ${humanPlural(rows, "row")} in ${earlier.id}`),
    ...named(emptied, "empty", ({ rows }) => `is empty: it had ${humanPlural(rows, "row")} in ${earlier.id}`),
    ...(isHalved(rowsBefore, rowsNow)
      ? [`${humanPlural(rowsNow, "row")} in all: there were ${humanCount(rowsBefore)} in ${earlier.id}`]
      : []),
    ...(isHalved(earlier.size, current.size)
      ? [`${humanBytes(current.size)} of rows: there were ${humanBytes(earlier.size)} in ${earlier.id}`]
      : []),
  ];
}

function isHalved(before: number, now: number): boolean {
  return before > 0 && now * 2 <= before;
}

function isAmong(names: ReadonlySet<string>, { schema, name }: TableContents): boolean {
  return names.has(name) || names.has(`${schema}.${name}`);
}

function sumRows(tables: readonly TableContents[]): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}

/** One reason for each table, those with the most rows first, and the rest by their number. */
function named(
  tables: readonly TableContents[],
  state: "gone" | "empty",
  describe: (table: TableContents) => string,
): string[] {
  const byRows = tables.toSorted((left, right) => right.rows - left.rows);
  const rest = byRows.length - MOST_NAMED;
  return [
    ...byRows.slice(0, MOST_NAMED).map((table) => `${shownName(table)} ${describe(table)}`),
    ...(rest > 0 ? [`${humanPlural(rest, "more table")} ${rest === 1 ? "is" : "are"} ${state}`] : []),
  ];
}

function shownName({ schema, name }: TableContents): string {
  const characters = Array.from(humanName(`${schema}.${name}`));
  if (characters.length <= MAX_NAME_LENGTH) return characters.join("");
  return `${characters.slice(0, MAX_NAME_LENGTH).join("")}…`;
}
