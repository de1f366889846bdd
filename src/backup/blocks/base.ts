import { isDataopsError, messageOf } from "../../errors.ts";
import { collectGarbage } from "../../garbage.ts";
import { inParallel } from "../../parallel.ts";
import type { StoredBlock } from "../../repository/blocks/stored-block.ts";
import type { BlockList } from "../../repository/blocks/block-list.ts";
import { findMissing, listPacks } from "../../repository/blocks/find-packs.ts";
import { readBlockIndex } from "../../repository/blocks/read-indexes.ts";
import { newestBackup } from "../../repository/catalogue.ts";
import type { Manifest, ManifestBlockTable, ManifestSource } from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";
import { readDeadRuns } from "./dead-runs.ts";
import { KnownBlocks } from "./known-blocks.ts";

/** What is known of one table in the earlier backup. */
export interface BaseTable {
  entry: ManifestBlockTable;
  ranges: BlockList;
}

/** What is in the storage already, and may be referred to. */
export interface Base {
  /** The last backup's tables, by `tableKey`. */
  tables: ReadonlyMap<string, BaseTable>;
  blocks: Pick<KnownBlocks, "get">;
  /** Bytes of each pack that is there, by its name. */
  packs: ReadonlyMap<string, number>;
}

export interface BaseRequest {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** The backup that is being made. */
  id: string;
  source: Pick<ManifestSource, "systemIdentifier" | "databaseOid">;
  /** Whether a run is certainly over, has made no backup, and will never take away its packs. */
  isAbandoned: (id: string) => Promise<boolean>;
  signal: AbortSignal;
  /** Told what cannot be used of what should be there. */
  warn: (message: string) => void;
}

/** Indexes read at the same time. */
const INDEX_READERS = 8;

/** Missing packs that are named one by one. */
const MOST_NAMED = 3;

export function tableKey({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

/**
 * The blocks of the last backup of the same database, and of runs that died since. What is damaged or gone is left out,
 * and told: its blocks are written anew. A backup never fails because an earlier one is damaged.
 *
 * @throws the signal's reason
 */
export async function readBase(request: BaseRequest): Promise<Base> {
  const { storage, database, signal, warn } = request;
  const base = { tables: new Map<string, BaseTable>(), blocks: new KnownBlocks() };
  try {
    const found = await listPacks(storage, database, signal);
    const last = await readLastBackup(request);
    const packs = new Map(last === undefined ? [] : presentPacks(last, found, warn));
    if (last !== undefined) await addLastBackup(base, request, last, packs);
    await readDeadRuns({ ...request, ...base, packs, found, since: last?.id });
    return { ...base, packs };
  } catch (error) {
    signal.throwIfAborted();
    warn(`all blocks are written anew, since what is stored cannot be read: ${messageOf(error)}`);
    return { tables: new Map(), blocks: new KnownBlocks(), packs: new Map() };
  }
}

type BlockManifest = Manifest & { blocks: NonNullable<Manifest["blocks"]> };

/** The newest backup, if it has blocks, and is of this database. */
async function readLastBackup(request: BaseRequest): Promise<BlockManifest | undefined> {
  const { storage, database, source, signal, warn } = request;
  try {
    const manifest = await newestBackup(storage, database, { signal });
    const isSame =
      manifest.source.systemIdentifier === source.systemIdentifier &&
      manifest.source.databaseOid === source.databaseOid;
    return isSame && manifest.blocks !== null ? { ...manifest, blocks: manifest.blocks } : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (isDataopsError(error, "noSuchBackup")) return undefined;
    warn(`all blocks are written anew, since the last backup cannot be used: ${messageOf(error)}`);
    return undefined;
  }
}

/** The packs of a backup that are there, each with its size. */
function presentPacks(
  { database, blocks }: BlockManifest,
  found: ReadonlyMap<string, number>,
  warn: (message: string) => void,
): [name: string, size: number][] {
  const missing = findMissing(database, blocks.packs, found);
  for (const { what } of missing.slice(0, MOST_NAMED)) {
    warn(
      `of earlier backups, ${what}: its blocks are written anew, and those backups cannot be restored whole`,
    );
  }
  if (missing.length > MOST_NAMED) warn(`and ${missing.length - MOST_NAMED} more packs`);
  const gone = new Set(missing.map(({ name }) => name));
  return blocks.packs.filter(({ name }) => !gone.has(name)).map(({ name, size }) => [name, size]);
}

async function addLastBackup(
  base: { tables: Map<string, BaseTable>; blocks: KnownBlocks },
  { storage, signal, warn }: BaseRequest,
  { database, blocks }: BlockManifest,
  packs: ReadonlyMap<string, number>,
): Promise<void> {
  const sizes = new Map(blocks.packs.map(({ name, size }) => [name, size]));
  const readable = blocks.tables.filter(({ index }) => packs.has(index.pack));
  await inParallel(readable, INDEX_READERS, signal, async (entry, either) => {
    try {
      const ranges = await readBlockIndex({ storage, database, sizes, signal: either }, entry);
      base.tables.set(tableKey(entry), { entry, ranges });
      base.blocks.add(ranges, (block) => isPresent(block, packs));
    } catch (error) {
      signal.throwIfAborted();
      warn(`all blocks of ${entry.schema}.${entry.name} are written anew: ${messageOf(error)}`);
    }
  });
  // What the lists came in.
  collectGarbage();
}

function isPresent({ frame, base }: StoredBlock, packs: ReadonlyMap<string, number>): boolean {
  return packs.has(frame.pack) && (base === undefined || packs.has(base.frame.pack));
}
