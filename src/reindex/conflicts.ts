import type { PostgresClient } from "../postgres/client.ts";
import { runCopies } from "../postgres/copy-out.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { batchesOf } from "./batches.ts";
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
  for (const batch of batchesOf(entries, BATCH_SIZE)) {
    const ids = batch.map((entry) => table.id(entry));
    const wanted = await readVersions(client, source, ids, signal);
    const found = await engine.readDocuments(index, ids, { signal });
    const newer = found.filter(({ id, version }) => {
      const own = wanted.get(id);
      return own !== undefined && version !== undefined && BigInt(version) > own;
    });
    const versions = newer.map(({ version }) => version ?? 0);
    await overwrite(options, { ids: newer.map(({ id }) => id), versions });
    // The engine remembers for a while which version a deleted document had, and tells nobody.
    const deleted = found.filter(({ id, version }) => version === undefined && wanted.has(id));
    await overwrite(options, { ids: deleted.map(({ id }) => id), versions: undefined });
  }
}

async function overwrite(
  options: ConflictOptions,
  { ids, versions }: { ids: readonly string[]; versions: readonly number[] | undefined },
): Promise<void> {
  if (ids.length === 0) return;
  const { table, source, client, signal } = options;
  const requests = new Requests(options, { version: 0, isDelete: false });
  const rows = new CopyRows(DOCUMENT_FIELDS, (bytes, fields) => {
    const [idStart = 0, idEnd = 0, lineStart = 0, lineEnd = 0] = fields;
    const entry = table.find(bytes, idStart, idEnd);
    return entry === undefined ? undefined : requests.add(bytes, lineStart, lineEnd, entry);
  });
  const sent = versions === undefined ? "none" : { ids, versions };
  await runCopies(client, [documentStatement(source, { kind: "ids", ids }, sent)], rows, signal);
  await requests.flush();
}

/** The versions of those of the documents that there are, by id. */
export async function readVersions(
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
