import type { CacheConfig } from "../../config/config.ts";
import type { ConnectionSettings } from "../../config/connection.ts";
import { DataopsError } from "../../errors.ts";
import type { Progress, Reporter } from "../../observe/reporter.ts";
import type { ManifestBlocks, ManifestSource, ManifestTable } from "../../repository/manifest.ts";
import type { Snapshot } from "../../postgres/snapshot.ts";
import type { Storage } from "../../storage/storage.ts";
import { watchForStall } from "../stall.ts";
import { findMissing, listPacks } from "../../repository/blocks/find-packs.ts";
import {
  isWorthCaching,
  noPackCache,
  openPackCache,
  type PackCache,
} from "../../repository/blocks/pack-cache.ts";
import { PackReader } from "../../repository/blocks/pack-reader.ts";
import { readBase, tableKey, type Base } from "./base.ts";
import { openDictionaries, type Dictionaries } from "./dictionaries.ts";
import { dumpBlocks } from "./dump-blocks.ts";
import { chooseBlockTables, readTableFacts, type BlockTable } from "./eligible.ts";
import { PackWriter } from "./pack-writer.ts";
import { BlockStore } from "./store-blocks.ts";

export interface BlockBackupRequest {
  connection: ConnectionSettings;
  applicationName: string;
  snapshot: Snapshot;
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** The backup's. */
  id: string;
  source: ManifestSource;
  /** Whether a run is certainly over, has made no backup, and will never take away its packs. */
  isAbandoned: (id: string) => Promise<boolean>;
  /** Bytes that a table must have to be stored as blocks. */
  threshold: number | undefined;
  /** Bytes of text that a block should have; a good number by default. */
  blockSize?: number | undefined;
  /** Bytes after which a pack is closed; a good number by default. */
  packSize: number | undefined;
  /** zstd's. */
  compressionLevel: number;
  /** Connections that read blocks at the same time. */
  jobs: number;
  /** Milliseconds without a byte after which the run ends. */
  stallTimeout: number;
  /** Where packs are kept for the next backup; undefined: nowhere. */
  cache: CacheConfig | undefined;
  reporter: Reporter;
  signal: AbortSignal;
  /** Told what must end the run, when it is not an error of what is awaited. */
  fail: (error: unknown) => void;
}

/** The part of a backup that is stored as blocks. */
export interface BlockBackup {
  /** The tables whose rows pg_dump must leave out. */
  tables: readonly BlockTable[];
  /** Reads and stores. Called once. */
  run(progress: Progress): Promise<ManifestBlocks>;
  /** Takes away all that was stored, after a failure. */
  discard(): Promise<void>;
}

/**
 * Decides which tables are stored as blocks. Undefined where none is. The snapshot's client must be free.
 *
 * @throws DataopsError as `PostgresClient.query` does
 */
export async function planBlockBackup(request: BlockBackupRequest): Promise<BlockBackup | undefined> {
  const { snapshot, source, threshold, storage, database, signal, reporter } = request;
  const warn = (message: string): void => reporter.warn(message);
  const tables = chooseBlockTables(await readTableFacts(snapshot.client), source, threshold);
  if (tables.length === 0) return undefined;
  const base = await readBase({ ...request, warn });
  const moved = { note: (): void => undefined };
  const cache = await openCache(request, base);
  const packs = new PackWriter({ ...request, cache, onProgress: () => moved.note() });
  const earlier = new PackReader({ storage, database, cache });
  const dictionaries = openDictionaries({ packs: earlier, signal, warn });
  return {
    tables,
    run: (progress) => run(request, { tables, base, dictionaries, packs, progress, moved }),
    discard: () => packs.discard(signal.reason),
  };
}

/** What is written now is wanted by the next backup, and may be here still. */
async function openCache(
  { cache, storage, database, reporter }: BlockBackupRequest,
  base: Base,
): Promise<PackCache> {
  if (cache === undefined || !isWorthCaching(storage)) return noPackCache;
  const needed = [...base.packs].map(([name, size]) => ({ name, size }));
  return await openPackCache({ cache, database, needed, reporter });
}

async function run(
  request: BlockBackupRequest,
  with_: {
    tables: readonly BlockTable[];
    base: Base;
    dictionaries: Dictionaries;
    packs: PackWriter;
    progress: Progress;
    moved: { note: () => void };
  },
): Promise<ManifestBlocks> {
  const { progress, moved, packs } = with_;
  using store = new BlockStore({ ...request, ...with_ });
  using stall = watchForStall(request.stallTimeout, request.fail, {
    reader: "the server",
    isStorageSlow: () => packs.isWaiting,
  });
  moved.note = () => stall.moved();
  let unreported = 0;
  const onData = (bytes: number): void => {
    unreported += bytes;
    if (unreported < REPORTED_BYTES) return;
    stall.moved();
    progress.add(unreported);
    unreported = 0;
  };
  const blocks = await dumpBlocks({ ...request, ...with_, store, snapshot: request.snapshot.id, onData });
  await checkPacks(request, blocks);
  return blocks;
}

/**
 * Looks once more whether all that is referred to is there, now that nothing is added any more.
 *
 * @throws DataopsError `failed` naming the pack; what the storage throws
 */
async function checkPacks(
  { storage, database, signal }: BlockBackupRequest,
  { packs }: ManifestBlocks,
): Promise<void> {
  const [missing] = findMissing(database, packs, await listPacks(storage, database, signal));
  if (missing === undefined) return;
  throw new DataopsError("failed", `${missing.what}, though it was there when the backup began`, {
    hint: "run the backup again, and find out who deletes packs that are in use",
  });
}

/** Bytes; a row is too little to look at the clock. */
const REPORTED_BYTES = 64 * 1024;

/**
 * Holds what was read against what the snapshot's own connection counted.
 *
 * @throws DataopsError `failed` naming the table
 */
export function checkRows(blocks: ManifestBlocks, counted: readonly ManifestTable[]): void {
  const rows = new Map(counted.map((table) => [tableKey(table), table.rows]));
  for (const table of blocks.tables) {
    const expected = rows.get(tableKey(table));
    if (expected === table.rows) continue;
    throw new DataopsError(
      "failed",
      `read ${table.rows} rows of ${table.schema}.${table.name}, which has ${expected ?? "no"} rows`,
      { hint: "set `format: archive` for this database, and report it" },
    );
  }
}
