import type { PostgresClient } from "../postgres/client.ts";
import { runCopies } from "../postgres/copy-out.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { CopyRows } from "./copy-rows.ts";
import { DOCUMENT_FIELDS, documentStatement, versionStatement, type DocumentSource } from "./document-sql.ts";
import { Requests, type RequestDependencies } from "./requests.ts";

/** Documents asked for at a time. */
const BATCH_SIZE = 500;

export interface ConflictOptions extends RequestDependencies {
  engine: SearchEngine;
  index: string;
  source: DocumentSource;
  client: PostgresClient;
  /** Of requests in which the engine had something newer for some. */
  entries: readonly number[];
}

/**
 * Writes documents over what has a newer version in an index that nobody else writes to: a row whose version column went back.
 * It takes the version that is there, since no engine lets one go back.
 *
 * @throws as `runCopies`, `BulkSender.send` and `SearchEngine.readDocuments` do
 */
export async function settleConflicts(options: ConflictOptions): Promise<void> {
  const { table, engine, index, source, client, signal, entries } = options;
  for (let start = 0; start < entries.length; start += BATCH_SIZE) {
    const ids = entries.slice(start, start + BATCH_SIZE).map((entry) => table.id(entry));
    const wanted = await readVersions(client, source, ids, signal);
    const found = await engine.readDocuments(index, ids, { signal });
    const newer = found.filter(
      ({ id, version }) => version !== undefined && BigInt(version) > (wanted.get(id) ?? 0n),
    );
    if (newer.length === 0) continue;
    const requests = new Requests(options, { version: 0, isDelete: false });
    const given = { ids: newer.map(({ id }) => id), versions: newer.map(({ version }) => version ?? 0) };
    const rows = new CopyRows(DOCUMENT_FIELDS, (bytes, fields) => {
      const [idStart = 0, idEnd = 0, lineStart = 0, lineEnd = 0] = fields;
      const entry = table.find(bytes, idStart, idEnd);
      return entry === undefined ? undefined : requests.add(bytes, lineStart, lineEnd, entry);
    });
    await runCopies(
      client,
      [documentStatement(source, { kind: "ids", ids: given.ids }, given)],
      rows,
      signal,
    );
    await requests.flush();
  }
}

async function readVersions(
  client: PostgresClient,
  source: DocumentSource,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, bigint>> {
  const versions = new Map<string, bigint>();
  const rows = new CopyRows(2, (bytes, fields) => {
    const [idStart = 0, idEnd = 0, start = 0, end = 0] = fields;
    versions.set(bytes.toString("utf8", idStart, idEnd), BigInt(bytes.toString("utf8", start, end)));
    return undefined;
  });
  await runCopies(client, [versionStatement(source, ids)], rows, signal);
  return versions;
}
