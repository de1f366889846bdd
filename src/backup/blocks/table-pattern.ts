import { quoteQualified } from "../../postgres/quote.ts";

/** How pg_dump is told to leave out the rows of one table, and of how many tables it can be told. Pure. */

export interface NamedTable {
  schema: string;
  name: string;
}

/**
 * Bytes that these arguments may take of what a program can be given: of 2 MiB on Linux with the usual stack of 8 MiB and of
 * 1 MiB on macOS, both shared with the environment. About 3,000 tables with names of usual length, 900 with the worst.
 * pg_dump looks each pattern up by itself, 1 ms each.
 */
const MAX_ARGUMENT_BYTES = 256 * 1024;

/** The end of an argument, and the pointer to it. */
const BYTES_BESIDE = 1 + 8;

/**
 * The argument of pg_dump that leaves out the rows of this table and of no other, whatever its name: between double quotes
 * every character of a pattern stands for itself.
 */
export function excludeArgument({ schema, name }: NamedTable): string {
  return `--exclude-table-data=${quoteQualified(schema, name)}`;
}

/** The first of `tables`, as many as pg_dump can be told to leave out. */
export function takeExcludable<T extends NamedTable>(
  tables: readonly T[],
  limit: number = MAX_ARGUMENT_BYTES,
): T[] {
  let bytes = 0;
  const excess = tables.findIndex((table) => {
    bytes += Buffer.byteLength(excludeArgument(table)) + BYTES_BESIDE;
    return bytes > limit;
  });
  return excess === -1 ? [...tables] : tables.slice(0, excess);
}
