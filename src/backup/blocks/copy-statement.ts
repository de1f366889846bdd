import { quoteIdentifier, quoteQualified } from "../../postgres/quote.ts";
import { formatPosition } from "../../repository/blocks/tuple-position.ts";
import type { BlockTable } from "./eligible.ts";
import type { Range } from "./ranges.ts";

/** The statement that reads one range of a table as text. */
export function copyStatement({ schema, name, columns }: BlockTable, { from, to }: Range): string {
  const list = columns.map((column) => quoteIdentifier(column)).join(", ");
  const end = to === undefined ? "" : ` AND ctid < '(${formatPosition(to)})'`;
  return `COPY (SELECT ${list} FROM ONLY ${quoteQualified(schema, name)} WHERE ctid >= '(${formatPosition(from)})'${end}) TO STDOUT`;
}
