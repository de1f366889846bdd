import { availableParallelism } from "node:os";
import type { CacheConfig, DatabaseConfig, RestoreConfig } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { makeBackupId } from "../repository/backup-id.ts";
import type { Manifest } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { checkAfterSteps, runAfterSteps } from "./after/steps.ts";
import { readBlockIndexes, type BlockTable } from "../repository/blocks/read-indexes.ts";
import { loadBlockTables } from "./blocks/load-tables.ts";
import { openPacks } from "./blocks/open-packs.ts";
import { analyze } from "./load/analyze.ts";
import { fetchArchive } from "./cache/cache.ts";
import { isProduction } from "./guard/guard.ts";
import { guard, type Confirmation, type Permission } from "./guard/destructive.ts";
import { loadArchive, type Loaded, type LoadRequest } from "./load/load.ts";
import { watchSize } from "./load/size-progress.ts";
import { checkRestore } from "./preflight.ts";
import { chooseLoadSettings } from "./load/settings.ts";
import { checkRows } from "./load/row-check.ts";
import { clearLeftovers } from "./scratch/leftovers.ts";
import { createScratch, type Scratch } from "./scratch/scratch.ts";
import { rehearseSwap, swap } from "./swap/swap.ts";
import { connectMaintenance, readTargetFacts } from "./guard/target-facts.ts";
import { unpackedArchive } from "./archive/unpacked.ts";

export interface RestoreDependencies {
  storage: Storage;
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface RestoreRequest {
  /** Which backup. */
  manifest: Manifest;
  target: DatabaseConfig;
  settings: RestoreConfig;
  cache: CacheConfig;
  /** What relative paths of `after` steps are relative to. */
  folder: string;
  confirmation: Confirmation;
  /** Ends sessions on the target before the swap. */
  force: boolean;
  /** Loads as a superuser where the connecting role is one. */
  asSuperuser: boolean;
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
}

export interface RestoreOutcome {
  /** The restored database's name on its server. */
  database: string;
  /** The name under which the replaced one is kept; undefined where there is none. */
  old: string | undefined;
  /** What this server did not take and why, each as one line. */
  leftOut: string[];
  /** Bytes fetched from the storage; 0 where the cache had all. */
  downloaded: number;
  /** Milliseconds that all of it took. */
  duration: number;
}

interface Run extends RestoreDependencies, RestoreRequest {
  /** Begins with a UTC stamp, as a backup's id does. */
  runId: string;
  applicationName: string;
}

/**
 * Restores one backup into one database.
 *
 * Order: checks and guard before a byte is downloaded; download; scratch database, load, row check, `after` steps; swap.
 * Until the swap, and after any failure or abort, the target answers as if nothing had happened.
 *
 * @throws DataopsError as the steps do; after an abort: the signal's reason
 */
export async function runRestore(
  dependencies: RestoreDependencies,
  request: RestoreRequest,
): Promise<RestoreOutcome> {
  const started = dependencies.now();
  const runId = makeBackupId(started);
  const run: Run = { ...dependencies, ...request, runId, applicationName: `dataops:${runId}` };
  const { signal, settings, target, environment, applicationName } = run;
  await checkAfterSteps(settings.after, run.folder, environment);
  const options = { applicationName, signal, environment };
  await using maintenance = await connectMaintenance(target.connection, options);
  const permission = await guard(
    maintenance,
    () => readTargetFacts(maintenance, target.connection, options),
    { environment: target.environment, configuredName: target.name, source: run.manifest.source },
    run.confirmation,
  );
  const { tools, serverMajor } = await checkRestore(maintenance, {
    ...run,
    skipExtensions: settings.skipExtensions,
  });
  await rehearseSwap(permission);
  await clearLeftovers(maintenance, permission.name);

  const blocks = await readBlockIndexes(run);
  const { path, downloaded } = await download(run);
  await using archive = path;
  await using scratch = await createScratch(maintenance, {
    ...run,
    target: permission.name,
    source: run.manifest.source,
    owner: await ownerOf(permission),
  });
  const jobs = settings.jobs ?? availableParallelism();
  run.reporter.info(`restoring ${run.manifest.id} into ${permission.name}`);
  const from = { maintenance, archive: archive.path, scratch, tools, serverMajor, jobs, blocks };
  const { loaded, received } = await load(run, from);
  await archive[Symbol.asyncDispose]();
  await finish(run, scratch, loaded, jobs);
  await scratch.handOver();
  const { old } = await swap(permission, {
    scratch: scratch.name,
    runId,
    keepOld: settings.keepOld,
    force: run.force,
    waitForSessions: settings.waitForSessions,
    reporter: run.reporter,
    connection: options,
  });
  scratch.release();
  const duration = run.now() - started;
  return {
    database: permission.name,
    old,
    leftOut: loaded.leftOut,
    downloaded: downloaded + received,
    duration,
  };
}

/** The archive, checked and ready for parallel workers, in a file that goes away with it. */
async function download(run: Run) {
  const { storage, manifest, cache, signal, reporter } = run;
  await using cached = await fetchArchive(storage, manifest, cache, { signal, reporter });
  const path = await unpackedArchive(cached.path, manifest, { directory: cache.directory, signal, reporter });
  return { path, downloaded: cached.downloaded };
}

/** Loads, and shows how far it is. @returns also how many bytes of blocks came from the storage */
async function load(
  run: Run,
  from: Pick<LoadRequest, "archive" | "tools" | "serverMajor" | "jobs"> & {
    maintenance: PostgresClient;
    scratch: Scratch;
    blocks: readonly BlockTable[];
  },
): Promise<{ loaded: Loaded; received: number }> {
  // A copy is read by people in a hurry; what may become production again is stored as its server stores everything.
  const sessionSettings = await chooseLoadSettings(from.maintenance, {
    keepsCompression: isProduction(run.target.environment),
  });
  const progress = run.reporter.progress("load", run.manifest.source.size);
  await using _watch = watchSize(from.maintenance, from.scratch.name, progress);
  let received = 0;
  const loadBlocks = async (): Promise<void> => {
    await using packs = await openPacks(run, from.blocks);
    received = await loadBlockTables({ ...run, ...from, tables: from.blocks, packs });
  };
  const loaded = await loadArchive({
    ...run,
    ...from,
    sessionSettings,
    skipExtensions: run.settings.skipExtensions,
    loadBlocks: from.blocks.length === 0 ? undefined : loadBlocks,
  });
  return { loaded, received };
}

/** What comes after the load, all as who loaded: statistics, the row check, the team's own steps. */
async function finish(run: Run, scratch: Scratch, loaded: Loaded, jobs: number): Promise<void> {
  const { manifest } = run;
  const checked = asLoader(scratch, (client) =>
    checkRows(client, { manifest, missingExtensions: loaded.missingExtensions }),
  );
  const analyzed = loaded.hasStatistics ? undefined : analyze(scratch, jobs);
  // Side by side; but nobody may be connected any more when one of them failed.
  await Promise.allSettled([checked, analyzed]);
  await checked;
  await analyzed;
  await runAfterSteps(run.settings.after, { ...run, scratch });
}

async function asLoader(scratch: Scratch, work: (client: PostgresClient) => Promise<void>): Promise<void> {
  await using client = await scratch.connectAsLoader();
  await work(client);
}

async function ownerOf({ maintenance, oid }: Permission): Promise<string | undefined> {
  if (oid === undefined) return undefined;
  const [row] = await ownerRows(maintenance, oid);
  return row?.owner;
}

function ownerRows(client: PostgresClient, oid: number): Promise<{ owner: string }[]> {
  return client.query<{ owner: string }>(
    "SELECT pg_catalog.pg_get_userbyid(datdba) AS owner FROM pg_catalog.pg_database WHERE oid = $1",
    [oid],
  );
}
