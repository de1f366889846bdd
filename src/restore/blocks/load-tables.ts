import { DataopsError, isDataopsError, messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { copyIn } from "../../postgres/copy-in.ts";
import { sqlStateOf, statementError } from "../../postgres/postgres-error.ts";
import { pageOf } from "../../repository/blocks/tuple-position.ts";
import type { Manifest, ManifestBlockTable } from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";
import type { LoadSettings } from "../load/settings.ts";
import { LoadError } from "../load/failure.ts";
import type { Scratch } from "../../replace/scratch/scratch.ts";
import { together } from "../../parallel.ts";
import type { PackCache } from "../../repository/blocks/pack-cache.ts";
import { PackReader } from "../../repository/blocks/pack-reader.ts";
import type { BlockTable } from "../../repository/blocks/read-indexes.ts";
import { BatchReader, KEPT_DICTIONARIES } from "./batch-reader.ts";
import { copyStatement } from "./copy-statement.ts";
import { BytesInFlight } from "../../bytes-in-flight.ts";
import { placedBlocks, planReads } from "./plan-reads.ts";
import { readAhead } from "./read-ahead.ts";
import { RecentTexts } from "./recent-texts.ts";
import { RunQueue, type Run } from "./run-queue.ts";

/** Bytes that all workers together hold of what came from the storage, or is on its way. */
const MAX_IN_FLIGHT = 16 * 1024 * 1024;

export interface LoadTablesRequest {
  storage: Storage;
  manifest: Pick<Manifest, "database" | "source">;
  /** As `readBlockIndexes` gives them. */
  tables: readonly BlockTable[];
  /** What may have some of the blocks, and keeps those that come. */
  packs: PackCache;
  scratch: Pick<Scratch, "connectAsLoader">;
  /** Of the sessions that load. */
  loadSettings: LoadSettings;
  /** Connections. */
  jobs: number;
  signal: AbortSignal;
}

/**
 * Loads the rows of all tables that are stored as blocks into the scratch database, whose tables are there and empty, and
 * have no indexes yet.
 *
 * After a failure or an abort none of the connections is open.
 *
 * @returns how many bytes came from the storage
 * @throws DataopsError `corrupt` naming the pack, the table and the page, `failed` naming the table; what the storage
 *   throws; after an abort: the signal's reason
 */
export async function loadBlockTables(request: LoadTablesRequest): Promise<number> {
  const { storage, manifest, tables, scratch, signal } = request;
  const queue = new RunQueue(tables, request.jobs);
  let received = 0;
  const work: Work = {
    encoding: manifest.source.encoding,
    inFlight: new BytesInFlight(MAX_IN_FLIGHT),
    dictionaries: new RecentTexts(KEPT_DICTIONARIES),
    packs: new PackReader({
      storage,
      database: manifest.database,
      cache: request.packs,
      onReceived: (bytes) => {
        received += bytes;
      },
    }),
  };
  await together(Math.min(request.jobs, queue.length), signal, async (either) => {
    const taker = queue.join();
    await using client = await scratch.connectAsLoader();
    using _closing = closeOnAbort(client, either);
    await client.query(SET, [JSON.stringify({ ...SESSION_SETTINGS, ...request.loadSettings })]);
    for (let run = taker.next(); run !== undefined; run = taker.next()) {
      await loadRun(client, run, work, either);
    }
  });
  return received;
}

interface Work {
  packs: PackReader;
  dictionaries: RecentTexts;
  inFlight: BytesInFlight;
  encoding: string;
}

/** What pg_restore sets, and what makes the text mean what it meant when it was written. */
const SESSION_SETTINGS: LoadSettings = {
  statement_timeout: "0",
  lock_timeout: "0",
  transaction_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  search_path: "",
  row_security: "off",
  check_function_bodies: "off",
  xmloption: "content",
  client_min_messages: "warning",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  timezone: "UTC",
  standard_conforming_strings: "on",
};

/** Only settings that this server has: `transaction_timeout` came with PostgreSQL 17. */
const SET = `
SELECT pg_catalog.set_config(wanted.key, wanted.value, false)
  FROM pg_catalog.json_each_text($1) AS wanted
  JOIN pg_catalog.pg_settings AS setting ON pg_catalog.lower(setting.name) = wanted.key`;

async function loadRun(client: PostgresClient, run: Run, work: Work, signal: AbortSignal): Promise<void> {
  const { table, ranges, rows: expected } = run;
  const reader = new BatchReader(work.packs, work.dictionaries, tableName(table));
  const text = readAhead(reader, planReads(placedBlocks(ranges)), { inFlight: work.inFlight, signal });
  const taken = await copyIn(client, copyStatement(table, work.encoding), text).catch((error: unknown) => {
    signal.throwIfAborted();
    throw explain(error, client, run);
  });
  if (taken === expected) return;
  throw new DataopsError(
    "corrupt",
    `the rows of ${describeRun(run)} are not those of the backup: ${taken} were loaded (backup: ${expected})`,
    { hint: "restore an older backup (`dataops list`), and keep this one to look into" },
  );
}

/** The error to throw for a statement that failed. Its context is left out: it holds the row. */
function explain(error: unknown, client: PostgresClient, run: Run): unknown {
  // What is neither of ours nor the server's, while the connection stands, is a bug, and is shown as one.
  const isOfConnection = sqlStateOf(error) !== undefined || client.raw.connection.stream.destroyed;
  if (isDataopsError(error) || !isOfConnection) return error;
  const explained = statementError(error, client.settings);
  if (!isDataopsError(explained, "failed")) return explained;
  const message = `the rows of ${describeRun(run)} could not be loaded: ${messageOf(error)}`;
  return new LoadError("failed", message, { cause: error });
}

function describeRun({ table, from }: Run): string {
  return `table ${tableName(table)} from page ${pageOf(from)}`;
}

function tableName({ schema, name }: ManifestBlockTable): string {
  return `${schema}.${name}`;
}

/** When another worker fails, the server may be in the middle of this one's rows, and is not waited for. */
function closeOnAbort(client: PostgresClient, signal: AbortSignal): Disposable {
  const close = (): void => void client.raw.connection.stream.destroy();
  signal.addEventListener("abort", close, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", close) };
}
