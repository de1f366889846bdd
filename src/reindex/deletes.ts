import type { PostgresClient } from "../postgres/client.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { batchesOf } from "./batches.ts";
import { readVersions } from "./conflicts.ts";
import type { DocumentSource } from "./document-sql.ts";
import { Requests, type RequestDependencies } from "./requests.ts";

/** Documents in one question to the engine. */
const BATCH_SIZE = 1_000;

export interface DeleteOptions extends RequestDependencies {
  engine: SearchEngine;
  /** The physical index. */
  index: string;
  source: DocumentSource;
  /** Whether somebody else writes to the index, too: then what is newer there stays. */
  isShared: boolean;
  /** Opens a connection that is in no snapshot. */
  connect: () => Promise<PostgresClient>;
}

/**
 * Takes documents out of the index that the snapshot does not have.
 *
 * @param version of our own numbering
 * @throws as `BulkSender.send`, `SearchEngine.readDocuments` and `runCopies` do
 */
export async function sendDeletes(
  options: DeleteOptions,
  entries: readonly number[],
  version: number,
): Promise<void> {
  const { table, source } = options;
  const requests = new Requests(options, { version, isDelete: true });
  for (const batch of batchesOf(entries, BATCH_SIZE)) {
    const ids = batch.map((entry) => table.id(entry));
    const versions = source.version === undefined ? undefined : await versionsToDelete(options, ids);
    for (const [place, entry] of batch.entries()) {
      const id = ids[place] ?? "";
      const own = versions === undefined ? version : versions.get(id);
      if (own === undefined) {
        table.settleGone(entry, version);
        continue;
      }
      const type = versions === undefined ? "external" : "external_gte";
      const line = Buffer.from(
        `${JSON.stringify({ delete: { _id: id, version: own, version_type: type } })}\n`,
      );
      await requests.add(line, 0, line.byteLength, entry);
    }
  }
  await requests.flush();
}

/**
 * With the team's versions a document is deleted in the version that the index has, so that one which is written from then on
 * stays. One that was written between the snapshot and now has its row back: it is looked for after the index was asked.
 */
async function versionsToDelete(
  { engine, index, source, isShared, connect, signal }: DeleteOptions,
  ids: readonly string[],
): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const found = await engine.readDocuments(index, ids, { signal });
  const versions = new Map(
    found.flatMap(({ id, version }) => (version === undefined ? [] : [[id, version] as const])),
  );
  if (!isShared || versions.size === 0) return versions;
  await using client = await connect();
  const back = await readVersions(client, source, [...versions.keys()], signal);
  for (const id of back.keys()) versions.delete(id);
  return versions;
}
