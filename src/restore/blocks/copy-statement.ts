import { quoteIdentifier, quoteLiteral, quoteQualified } from "../../postgres/quote.ts";
import type { ManifestBlockTable } from "../../repository/manifest.ts";

/**
 * The statement that takes a table's blocks. The text's encoding is named in it, as names in the statement are in the
 * connection's.
 */
export function copyStatement(
  { schema, name, columns }: Pick<ManifestBlockTable, "schema" | "name" | "columns">,
  encoding: string,
): string {
  // A table without columns has rows, too, and no list.
  const list = columns.length === 0 ? "" : ` (${columns.map(quoteIdentifier).join(", ")})`;
  return `COPY ${quoteQualified(schema, name)}${list} FROM STDIN WITH (ENCODING ${quoteLiteral(encoding)})`;
}
