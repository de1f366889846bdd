import { availableParallelism } from "node:os";
import type { CacheConfig, ReachableDatabase, RestoreConfig } from "../../config/config.ts";
import { isDataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { noPackCache } from "../../repository/blocks/pack-cache.ts";
import { PackReader } from "../../repository/blocks/pack-reader.ts";
import { readBlockIndexes } from "../../repository/blocks/read-indexes.ts";
import { Findings } from "../../repository/findings.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { openPacks } from "../blocks/open-packs.ts";
import { buildFromBackup, type Built, type BuildSite } from "../build.ts";
import { ownFolder } from "../cache/own-folder.ts";
import { connectMaintenance } from "../../replace/guard/target-facts.ts";
import { LoadError } from "../load/failure.ts";
import { chooseLoadSettings } from "../load/settings.ts";
import { checkRestore } from "../preflight.ts";
import type { BuildRun, RestoreDependencies } from "../run.ts";
import { clearLeftovers } from "../../replace/scratch/leftovers.ts";
import { checkVerifyServer } from "./check-server.ts";
import { compareRows } from "./compare-rows.ts";
import { isServersOwn } from "./servers-own.ts";
import { readArchiveRows } from "./read-archive-rows.ts";

/** Older servers print floating-point numbers with more digits than it takes to tell them apart. */
const FIRST_WITH_SHORT_FLOATS = 120_000;

export interface VerifyRestoreRequest {
  manifest: Manifest;
  /** A database of the configuration: its server is used, and nothing in it is touched. */
  server: ReachableDatabase;
  /** Whether it may be the server that the backup was made of, or one of production. */
  allowSourceServer: boolean;
  /** How backups are restored on that server. */
  settings: RestoreConfig;
  /** In whose folder the download goes, apart from what is cached there. */
  cache: CacheConfig;
  /** Of the run. */
  runId: string;
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
}

/** What restoring came to. */
export interface RestoreVerdict {
  findings: Findings;
  /** What the server did not take and why, each as one line. */
  remarks: string[];
  /** Bytes that came from the storage. */
  bytesRead: number;
  /** Milliseconds from the first byte of the download to a database with all rows, indexes and statistics; null where it never was. */
  restoreTime: number | null;
  serverVersion: string;
}

/**
 * Restores a backup into a scratch database, as a restore does, and compares every table's rows with the backup. Whatever
 * happens, the scratch database is gone afterwards.
 *
 * Nothing comes from the cache: a copy there would say nothing about the storage, nor about how long a restore takes where
 * there is none.
 *
 * @throws DataopsError where it could not be tried, which says nothing about the backup: `refused`, `tool`, `unreachable`,
 *   `notPermitted`, `failed`; after an abort: the signal's reason
 */
export async function verifyRestore(
  dependencies: RestoreDependencies,
  request: VerifyRestoreRequest,
): Promise<RestoreVerdict> {
  const { signal, environment, reporter } = dependencies;
  const { manifest, server, runId, allowVulnerableClient } = request;
  const applicationName = `dataops:${runId}`;
  const options = { applicationName, signal, environment };
  await using maintenance = await connectMaintenance(server.connection, options);
  await checkVerifyServer(maintenance, {
    configuredName: server.name,
    environment: server.environment,
    sourceSystemIdentifier: manifest.source.systemIdentifier,
    allowSourceServer: request.allowSourceServer,
  });
  const { skipExtensions } = request.settings;
  const preflight = await checkRestore(maintenance, {
    ...options,
    manifest,
    skipExtensions,
    allowVulnerableClient,
  });
  const target = `dataops_verify_${manifest.database}`;
  await clearLeftovers(maintenance, target);

  await using folder = await ownFolder(request.cache.directory, "verify");
  const run: BuildRun = {
    ...dependencies,
    ...request,
    applicationName,
    cache: { directory: folder.path, maxBytes: Number.MAX_SAFE_INTEGER },
    asSuperuser: false,
    fast: false,
  };
  const site: BuildSite = {
    maintenance,
    target,
    owner: undefined,
    loadSettings: await chooseLoadSettings(maintenance, { keepsCompression: true }),
    ...preflight,
  };
  const verdict: RestoreVerdict = {
    findings: new Findings(),
    remarks: [],
    bytesRead: 0,
    restoreTime: null,
    serverVersion: await readVersion(maintenance),
  };
  const started = dependencies.now();
  const built = await build(run, site, verdict.findings);
  if (built === undefined) return verdict;
  await using scratch = built.scratch;
  verdict.restoreTime = Math.max(0, Math.round(dependencies.now() - started));
  verdict.bytesRead = built.downloaded;
  verdict.remarks.push(...built.leftOut.map((line) => `left out: ${line}`));
  if (manifest.source.serverVersionNumber < FIRST_WITH_SHORT_FLOATS) {
    verdict.remarks.push(
      `rows were only counted: PostgreSQL ${manifest.source.serverVersion} prints some otherwise`,
    );
    return verdict;
  }
  reporter.info("restored; comparing the rows with the backup's");
  await compare(run, site, { ...built, scratch }, verdict.findings);
  return verdict;
}

/** @returns undefined where the backup is to blame that it cannot be restored, which is then among the findings */
async function build(run: BuildRun, site: BuildSite, findings: Findings): Promise<Built | undefined> {
  try {
    return await buildFromBackup(run, site);
  } catch (error) {
    run.signal.throwIfAborted();
    const isOfBackup =
      isDataopsError(error, "corrupt") || (error instanceof LoadError && !isServersOwn(error.message));
    if (!isOfBackup) throw error;
    findings.add({ what: error.message });
    return undefined;
  }
}

async function compare(run: BuildRun, site: BuildSite, built: Built, findings: Findings): Promise<void> {
  const { storage, manifest, signal, reporter } = run;
  const blocks = await readBlockIndexes(run);
  const inBlocks = new Set(blocks.map(({ table }) => JSON.stringify([table.schema, table.name])));
  const isArchived = manifest.tables.some(
    ({ schema, name }) => !inBlocks.has(JSON.stringify([schema, name])),
  );
  const archived = isArchived ? await readArchiveRows({ ...run, tools: site.tools }) : [];
  const bytes = blocks.reduce((sum, { table }) => sum + table.size, 0);
  const progress = reporter.progress("compare", isArchived ? undefined : bytes);
  await using cache = blocks.length === 0 ? noPackCache : await openPacks(run, blocks);
  try {
    await compareRows({
      ...built,
      manifest,
      blocks,
      archived,
      packs: new PackReader({ storage, database: manifest.database, cache }),
      jobs: run.settings.jobs ?? availableParallelism(),
      findings,
      progress,
      signal,
    });
  } finally {
    progress.end();
  }
}

async function readVersion(client: PostgresClient): Promise<string> {
  const [row] = await client.query<{ version: string }>(
    "SELECT pg_catalog.current_setting('server_version') AS version",
  );
  return row?.version ?? "";
}
