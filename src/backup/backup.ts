import { availableParallelism } from "node:os";
import type { CacheConfig } from "../config/config.ts";
import type { ConnectionSettings } from "../config/connection.ts";
import type { Progress, Reporter } from "../observe/reporter.ts";
import { connect, type PostgresClient } from "../postgres/client.ts";
import { SQL_STATES, sqlStateOf } from "../postgres/postgres-error.ts";
import { readServerFacts } from "../postgres/server-facts.ts";
import type { Environment } from "../config/environment.ts";
import { openSnapshot, type Snapshot } from "../postgres/snapshot.ts";
import type { InstalledTools } from "../postgres/tools.ts";
import { archiveKey } from "../repository/keys.ts";
import {
  MANIFEST_FORMAT,
  type Manifest,
  type ManifestArchive,
  type ManifestBlocks,
  type ManifestTable,
} from "../repository/manifest.ts";
import type { JobRun } from "../schedule/run.ts";
import type { Storage } from "../storage/storage.ts";
import { checkRows, planBlockBackup, type BlockBackup } from "./blocks/backup-blocks.ts";
import { CommitError, commitManifest } from "./commit.ts";
import { discardObject } from "./discard.ts";
import { dumpArchive } from "./dump.ts";
import { prepareJudge } from "./judge.ts";
import { blockedError, watchLocks, type LockWatch } from "./lock-watch.ts";
import { countRows, lockTables } from "./row-counts.ts";
import { listSourceTables, type SourceTable } from "./source-tables.ts";

/**
 * Milliseconds by which the server's own limit on lock waits is longer than ours: ours names the blocker, the server's
 * is for when we could not look.
 */
const SERVER_LOCK_GRACE = 1_000;

export interface BackupDependencies {
  storage: Storage;
  /** The run that makes it: it gives the backup its id, its start, and leave to publish. */
  run: JobRun;
  reporter: Reporter;
  environment: Environment;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Of this program, for the manifest. */
  version: string;
}

export interface BackupRequest {
  /** The database's name in the configuration. */
  database: string;
  environment: string;
  connection: ConnectionSettings;
  /** The programs that fit the server. */
  tools: InstalledTools;
  /** Milliseconds that a session of the backup may wait for a lock. */
  lockWaitTimeout: number;
  /** Milliseconds without a byte after which the run ends. */
  stallTimeout: number;
  /** zstd's, for the archive. */
  compressionLevel: number;
  /** `blocks`: large tables beside the archive, so that the next backup writes what changed. */
  format?: "archive" | "blocks";
  /** Where packs are kept for the next backup; undefined: nowhere. */
  cache?: CacheConfig | undefined;
  /** Connections that read blocks at the same time; one for each core by default. */
  jobs?: number | undefined;
  /** Bytes that a table must have to be stored as blocks. */
  blockThreshold?: number | undefined;
  /** Bytes after which a pack is closed. */
  packSize?: number | undefined;
  /** Bytes of text that a block should have; undefined for the format's own. Small ones make small tables many blocks. */
  blockSize?: number | undefined;
  /** Tables that come and go, as `schema.table` or `table`: they make no backup suspect. */
  volatileTables?: readonly string[] | undefined;
}

export interface BackupOutcome {
  manifest: Manifest;
  /** Where it is, for people. */
  storage: string;
}

/**
 * Makes one backup. It exists when, and only when, this returns.
 *
 * Order: snapshot; locks; dump, check, upload and row counts side by side; the manifest last. After a failure or an abort
 * nothing of ours runs and nothing of the backup is in the storage, unless another run took over: then it is that one's.
 *
 * @throws DataopsError as the steps do, the first failure of all; after an abort: the signal's reason
 */
export async function runBackup(
  dependencies: BackupDependencies,
  request: BackupRequest,
): Promise<BackupOutcome> {
  const { run: job } = dependencies;
  const applicationName = `dataops:${job.id}`;
  // What runs side by side ends together, and the first failure is the one that is told.
  const failure = new AbortController();
  const signal = AbortSignal.any([job.signal, failure.signal]);
  const run: Run = {
    ...dependencies,
    request,
    id: job.id,
    applicationName,
    signal,
    fail: (e) => failure.abort(e),
  };
  try {
    await using client = await connect(request.connection, { applicationName, signal });
    return await backUp(run, client);
  } catch (error) {
    failure.abort(error);
    throw signal.reason;
  }
}

interface Run extends Omit<BackupDependencies, "run"> {
  run: JobRun;
  request: BackupRequest;
  id: string;
  applicationName: string;
  signal: AbortSignal;
  /** Ends the run; only the first error counts. */
  fail: (error: unknown) => void;
}

async function backUp(run: Run, client: PostgresClient): Promise<BackupOutcome> {
  const { request, id, storage, applicationName, signal, fail } = run;
  const judge = await prepareJudge(storage, request, signal);
  const limit = request.lockWaitTimeout;
  const key = archiveKey(request.database, id);

  await using observer = await connect(request.connection, { applicationName, signal });
  await using watch = watchLocks(observer, { applicationName, limit, onBlocked: fail });
  await using snapshot = await openSnapshot(client);
  const facts = await readServerFacts(client);
  const tables = await listSourceTables(client);
  await lockAll(client, tables, limit, watch);

  const blockBackup =
    request.format === "blocks"
      ? await planBlockBackup({
          ...run,
          ...request,
          snapshot,
          isAbandoned: (other) => run.run.isAbandoned(other),
          source: facts.source,
          threshold: request.blockThreshold,
          cache: request.cache,
          packSize: request.packSize,
          jobs: request.jobs ?? availableParallelism(),
        })
      : undefined;
  const copy = await dumpAndCount(run, {
    blockBackup,
    storage,
    key,
    tools: request.tools,
    snapshot,
    tables,
    estimatedSize: facts.source.size,
  });
  const manifest = judge({
    format: MANIFEST_FORMAT,
    id,
    database: request.database,
    environment: request.environment,
    started: new Date(run.run.started).toISOString(),
    finished: new Date(run.now()).toISOString(),
    dataopsVersion: run.version,
    source: facts.source,
    tools: { pgDump: request.tools.version, pgRestore: request.tools.version },
    archive: copy.archive,
    blocks: copy.blocks,
    tables: copy.counted,
  });
  try {
    await commit(run, manifest);
  } catch (error) {
    const mayExist = error instanceof CommitError && error.mayExist;
    if (!mayExist) await discardBlocks(run, blockBackup, error);
    throw error;
  }
  return { manifest, storage: storage.url };
}

interface Copy {
  archive: ManifestArchive;
  blocks: ManifestBlocks | null;
  counted: ManifestTable[];
}

/** The dump, and the counts beside it in the same snapshot. When one fails, the other is ended, and waited for. */
async function dumpAndCount(
  run: Run,
  from: {
    storage: Storage;
    key: string;
    tools: InstalledTools;
    snapshot: Snapshot;
    tables: readonly SourceTable[];
    estimatedSize: number;
    blockBackup: BlockBackup | undefined;
  },
): Promise<Copy> {
  const { request, fail } = run;
  const { snapshot, tables, blockBackup } = from;
  const counting = countRows(snapshot.client, tables);
  counting.catch(fail);
  const progress = run.reporter.progress(
    "dump",
    tables.reduce((sum, { size }) => sum + size, 0),
  );
  const reading = readBlocks(blockBackup, counting, progress);
  reading.catch(fail);
  const required = Promise.all([counting, reading]);
  // Where the dump fails first, nobody waits for it.
  required.catch(() => undefined);
  try {
    const archive = await dumpArchive({
      ...from,
      blockTables: blockBackup?.tables ?? [],
      snapshot: snapshot.id,
      connection: request.connection,
      applicationName: run.applicationName,
      environment: run.environment,
      lockWaitTimeout: request.lockWaitTimeout + SERVER_LOCK_GRACE,
      stallTimeout: request.stallTimeout,
      compressionLevel: request.compressionLevel,
      required,
      progress,
      signal: run.signal,
      fail,
    });
    return { archive, blocks: await reading, counted: await counting };
  } catch (error) {
    fail(error);
    await Promise.allSettled([reading]);
    await discardBlocks(run, blockBackup, run.signal.reason);
    throw error;
  } finally {
    progress.end();
    await Promise.allSettled([counting, reading]);
  }
}

/** The blocks, if there are any; they must hold as many rows as were counted. */
async function readBlocks(
  blockBackup: BlockBackup | undefined,
  counting: Promise<ManifestTable[]>,
  progress: Progress,
): Promise<ManifestBlocks | null> {
  if (blockBackup === undefined) return null;
  const blocks = await blockBackup.run(progress);
  checkRows(blocks, await counting);
  return blocks;
}

/** Takes all tables' locks; a wait that the server ended before our own watch did is told in the same words. */
async function lockAll(
  client: PostgresClient,
  tables: readonly SourceTable[],
  limit: number,
  watch: LockWatch,
): Promise<void> {
  try {
    await lockTables(client, tables, limit + SERVER_LOCK_GRACE);
  } catch (error) {
    if (sqlStateOf(error) !== SQL_STATES.queryCanceled) throw error;
    throw blockedError(watch.lastSeen, limit, error);
  }
}

/**
 * Takes away the blocks of a backup that failed: unless another run took over, which may be using them already. That is
 * decided by who writes down first how this run ended.
 */
async function discardBlocks(
  { run }: Run,
  blockBackup: BlockBackup | undefined,
  error: unknown,
): Promise<void> {
  if (blockBackup !== undefined && (await run.fail(error))) await blockBackup.discard();
}

/** Writes the manifest, if this run still may; if it certainly does not exist, the archive goes, too. */
async function commit({ run, storage, signal }: Run, manifest: Manifest): Promise<void> {
  try {
    await run.confirm();
    await commitManifest(storage, manifest, { conditional: run.conditional, signal });
  } catch (error) {
    const mayExist = error instanceof CommitError && error.mayExist;
    if (!mayExist) await discardObject(storage, archiveKey(manifest.database, manifest.id));
    throw error;
  }
}
