import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { runCopies } from "../postgres/copy-out.ts";
import type { CatchUp } from "./catch-up.ts";
import { CopyRows } from "./copy-rows.ts";
import { SCAN_FIELDS, scanStatements, type DocumentSource } from "./document-sql.ts";
import type { DocumentTable } from "./document-table.ts";

/** Bytes: xmin's, and those of a 64-bit hash. */
const TRANSACTION_ID_SIZE = 4;

/**
 * Reads which documents there are, and in which state each one is. What changed since the scan before is pending then.
 *
 * @throws DataopsError as `runCopies` does; `usage` for a document without an id; after an abort: the signal's reason
 */
export async function scanDocuments(
  client: PostgresClient,
  table: DocumentTable,
  options: { source: DocumentSource; catchUp: CatchUp; signal: AbortSignal },
): Promise<void> {
  const { source, catchUp, signal } = options;
  let part = 0;
  let entry = -1;
  table.beginScan();
  const rows = new CopyRows(
    SCAN_FIELDS,
    (bytes, fields) => {
      // Not taken apart by a pattern: of a typed array that makes an iterator for each row.
      const start = fields[0] ?? -1;
      const value = fields[2] ?? -1;
      if (start === -1) throw withoutId(source);
      entry = table.add(bytes, start, fields[1] ?? -1, entry);
      if ((fields[3] ?? -1) - value === TRANSACTION_ID_SIZE)
        table.seeRow(entry, bytes.readUInt32BE(value), part);
      else table.see(entry, bytes.readUInt32BE(value), bytes.readUInt32BE(value + TRANSACTION_ID_SIZE));
      return undefined;
    },
    () => {
      part += 1;
    },
  );
  await runCopies(client, scanStatements(source, catchUp), rows, signal);
  table.endScan();
}

export function withoutId({ id }: DocumentSource): DataopsError {
  return new DataopsError("usage", `the SQL gives a document whose ${id} is NULL`, {
    hint: "each document needs an id: leave such rows out, or name another column",
  });
}
