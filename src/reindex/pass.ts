import { inParallel } from "../parallel.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { runCopies } from "../postgres/copy-out.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { DataopsError } from "../errors.ts";
import { settleConflicts } from "./conflicts.ts";
import { batchesOf } from "./batches.ts";
import { CopyRows } from "./copy-rows.ts";
import { sendDeletes } from "./deletes.ts";
import {
  DOCUMENT_FIELDS,
  documentStatement,
  type DocumentSource,
  type Selection,
  type SentVersion,
} from "./document-sql.ts";
import { Requests, type ItemKind, type RequestDependencies } from "./requests.ts";
import { withoutId } from "./scan.ts";

/** Ids in one statement. */
const BATCH_SIZE = 5_000;

export interface PassDependencies extends RequestDependencies {
  engine: SearchEngine;
  /** The physical index. */
  index: string;
  source: DocumentSource;
  /** Opens a connection that is in no snapshot. */
  connect: () => Promise<PostgresClient>;
}

export interface PassOptions {
  /** All in one snapshot, the one of the last scan. */
  clients: readonly PostgresClient[];
  /** Of our own numbering: larger than those of all passes before. */
  version: number;
  /** Whether somebody else writes to the index, too: then what is newer there stays. */
  isShared: boolean;
  /** How the documents are read where most of them are to be sent, and nobody else writes; undefined: by their ids. */
  ranges: readonly Selection[] | undefined;
}

/**
 * Brings into the index what the last scan found to be pending: reads each document as it is in the snapshot, and sends it, or its
 * delete where there is none.
 *
 * @throws DataopsError as `runCopies` and `BulkSender.send` do; `usage` where the SQL gives an id twice; after an abort: the
 *   signal's reason
 */
export async function sendPending(dependencies: PassDependencies, options: PassOptions): Promise<void> {
  const { table } = dependencies;
  const suspects = new Set<number>();
  const onConflicts = (entries: readonly number[]): void => {
    for (const entry of entries) suspects.add(entry);
  };
  const pass: Pass = { ...dependencies, ...options, onConflicts };
  if (options.ranges === undefined) await sendByIds(pass);
  else await sendByRanges(pass, options.ranges);
  const gone: number[] = [];
  for (const entry of table.pending()) {
    if (table.isRead(entry)) continue;
    if (table.isIndexed(entry)) gone.push(entry);
    else table.settleGone(entry, options.version);
  }
  for (const [version, entries] of Map.groupBy(gone, (entry) => versionFor(pass, entry))) {
    await sendDeletes(pass, entries, version);
  }
  if (dependencies.source.version === undefined || options.isShared || suspects.size === 0) return;
  const [client] = options.clients;
  if (client !== undefined) await settleConflicts({ ...dependencies, client, entries: [...suspects] });
}

interface Pass extends PassDependencies, PassOptions {
  onConflicts: (entries: readonly number[]) => void;
}

async function sendByRanges(pass: Pass, ranges: readonly Selection[]): Promise<void> {
  const remaining = ranges.values();
  await onEachClient(pass, async (client, signal) => {
    const requests = new Requests({ ...pass, signal }, documentsOf(pass, pass.version));
    for (const range of remaining)
      await readDocuments(pass, { client, requests, signal }, range, pass.version);
    await requests.flush();
  });
}

async function sendByIds(pass: Pass): Promise<void> {
  const { table } = pass;
  const present = [...table.pending()].filter((entry) => table.isSeen(entry));
  for (const [version, entries] of Map.groupBy(present, (entry) => versionFor(pass, entry))) {
    const remaining = batchesOf(entries, BATCH_SIZE);
    await onEachClient(pass, async (client, signal) => {
      const requests = new Requests({ ...pass, signal }, documentsOf(pass, version));
      for (const batch of remaining) {
        const ids = batch.map((entry) => table.id(entry));
        await readDocuments(pass, { client, requests, signal }, { kind: "ids", ids }, version);
      }
      await requests.flush();
    });
  }
}

/**
 * A document that somebody else wrote meanwhile has a version beyond its last one of ours, and stays. As long as nobody else
 * writes, a pass has one version for all, so that what was sent before and comes late is turned away.
 */
function versionFor({ isShared, version, table }: Pass, entry: number): number {
  return isShared ? table.version(entry) + 1 : version;
}

function documentsOf({ onConflicts }: Pass, version: number): ItemKind {
  return { version, isDelete: false, onConflicts };
}

async function readDocuments(
  pass: Pass,
  { client, requests, signal }: { client: PostgresClient; requests: Requests; signal: AbortSignal },
  selection: Selection,
  version: number,
): Promise<void> {
  const { table, source } = pass;
  let previous = -1;
  const rows = new CopyRows(DOCUMENT_FIELDS, (bytes, fields) => {
    const idStart = fields[0] ?? -1;
    const idEnd = fields[1] ?? -1;
    const start = fields[2] ?? -1;
    if (idStart === -1 || start === -1) throw withoutId(source);
    const entry = table.find(bytes, idStart, idEnd, previous);
    if (entry === undefined) throw unsteady(bytes.toString("utf8", idStart, idEnd));
    previous = entry;
    if (!table.isPending(entry) && !table.isRead(entry)) return undefined;
    if (table.markRead(entry)) throw twice(table.id(entry));
    return requests.add(bytes, start, fields[3] ?? -1, entry);
  });
  const sent: SentVersion = source.version === undefined ? version : "column";
  await runCopies(client, [documentStatement(source, selection, sent)], rows, signal);
}

async function onEachClient(
  { clients, signal }: Pass,
  work: (client: PostgresClient, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await inParallel(clients, clients.length, signal, work);
}

function twice(id: string): DataopsError {
  return new DataopsError("usage", `the SQL gives the document ${JSON.stringify(id)} more than once`, {
    hint: "each document needs an id of its own: aggregate what a join multiplies",
  });
}

function unsteady(id: string): DataopsError {
  return new DataopsError(
    "reindexFailed",
    `the SQL gave the document ${JSON.stringify(id)} only the second time`,
    {
      hint: "it must give the same documents whenever it is run in one snapshot",
    },
  );
}
