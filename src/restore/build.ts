import { availableParallelism } from "node:os";
import type { PostgresClient } from "../postgres/client.ts";
import { readBlockIndexes, type BlockTable } from "../repository/blocks/read-indexes.ts";
import { quoteQualified } from "../postgres/quote.ts";
import type { Manifest, ManifestTable } from "../repository/manifest.ts";
import { unpackedArchive } from "./archive/unpacked.ts";
import { loadBlockTables } from "./blocks/load-tables.ts";
import { openPacks } from "./blocks/open-packs.ts";
import { fetchArchive } from "./cache/cache.ts";
import { analyze } from "./load/analyze.ts";
import { loadArchive, type Loaded, type LoadRequest } from "./load/load.ts";
import { checkRows } from "./load/row-check.ts";
import type { LoadSettings } from "./load/settings.ts";
import { watchSize } from "./load/size-progress.ts";
import type { RestorePreflight } from "./preflight.ts";
import type { Run } from "./run.ts";
import { createScratch, type Scratch } from "../replace/scratch/scratch.ts";

/** Where a backup is built, and by what. */
export interface BuildSite extends RestorePreflight {
  maintenance: PostgresClient;
  /** The name of the database to replace. */
  target: string;
  /** Whose the result is to be; undefined: the connecting role's. */
  owner: string | undefined;
  /** Of the sessions that load. */
  loadSettings: LoadSettings;
}

/** A scratch database with all of a backup in it, checked. */
export interface Built {
  scratch: Scratch;
  /** What was not restored and why, each as one line to tell. */
  leftOut: string[];
  /** Extensions of the backup that are not there. */
  missingExtensions: ReadonlySet<string>;
  /** Bytes fetched from the storage. */
  downloaded: number;
}

/**
 * Downloads a backup and loads it into a scratch database: rows counted, statistics collected. After a failure nothing is
 * left of it.
 *
 * @throws DataopsError as the steps do; after an abort: the signal's reason
 */
export async function buildFromBackup(run: Run, site: BuildSite): Promise<Built> {
  const blocks = await readBlockIndexes(run);
  const { path, downloaded } = await download(run);
  await using archive = path;
  await using acquired = new AsyncDisposableStack();
  const scratch = acquired.use(
    await createScratch(site.maintenance, {
      ...run,
      target: site.target,
      source: run.manifest.source,
      owner: site.owner,
    }),
  );
  const jobs = run.settings.jobs ?? availableParallelism();
  run.reporter.info(`restoring ${run.manifest.id} into ${site.target}`);
  const { loaded, received } = await load(run, { ...site, archive: archive.path, scratch, jobs, blocks });
  await archive[Symbol.asyncDispose]();
  await checkAndAnalyze(run.manifest, scratch, loaded, jobs);
  acquired.move();
  const { leftOut, missingExtensions } = loaded;
  return { scratch, leftOut, missingExtensions, downloaded: downloaded + received };
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
  from: Pick<LoadRequest, "archive" | "jobs"> &
    BuildSite & { scratch: Scratch; blocks: readonly BlockTable[] },
): Promise<{ loaded: Loaded; received: number }> {
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
    sessionSettings: from.loadSettings,
    skipExtensions: run.settings.skipExtensions,
    loadBlocks: from.blocks.length === 0 ? undefined : loadBlocks,
  });
  return { loaded, received };
}

/** What comes after the load, all as who loaded: statistics and the row check. */
async function checkAndAnalyze(
  manifest: Manifest,
  scratch: Scratch,
  loaded: Loaded,
  jobs: number,
): Promise<void> {
  const checked = checkRowsOf({ tables: tablesOfArchive(manifest) }, scratch, loaded.missingExtensions);
  const analyzed = loaded.hasStatistics ? undefined : analyze(scratch, jobs);
  // Side by side; but nobody may be connected any more when one of them failed.
  await Promise.allSettled([checked, analyzed]);
  await checked;
  await analyzed;
}

/** The tables whose rows pg_restore brought. Those of blocks were counted by the server, statement by statement, as they came. */
function tablesOfArchive({ tables, blocks }: Manifest): ManifestTable[] {
  const counted = new Set(blocks?.tables.map((table) => quoteQualified(table.schema, table.name)));
  return tables.filter(({ schema, name }) => !counted.has(quoteQualified(schema, name)));
}

/**
 * Compares the rows in a scratch database with the manifest's, as who loaded.
 *
 * @throws DataopsError as `checkRows` does
 */
export async function checkRowsOf(
  manifest: Pick<Manifest, "tables">,
  scratch: Scratch,
  missingExtensions: ReadonlySet<string>,
): Promise<void> {
  await using client = await scratch.connectAsLoader();
  await checkRows(client, { manifest, missingExtensions });
}
