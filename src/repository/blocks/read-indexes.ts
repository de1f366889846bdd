import { DataopsError } from "../../errors.ts";
import { inParallel } from "../../parallel.ts";
import type { Storage } from "../../storage/storage.ts";
import { packKey } from "../keys.ts";
import type { Manifest, ManifestBlockTable } from "../manifest.ts";
import { parseBlockIndex } from "./block-index.ts";
import { endOf, type FrameReference } from "./stored-block.ts";
import type { BlockList } from "./block-list.ts";
import { corruptFrame, isFromZstd } from "./decode-frame.ts";
import { decodeStream } from "./decode-stream.ts";
import { findMissing, listPacks } from "./find-packs.ts";
import { pageOf } from "./tuple-position.ts";

/** Indexes fetched at the same time. */
const CONCURRENCY = 8;

/** A table that is stored as blocks, and where they are. */
export interface BlockTable {
  table: ManifestBlockTable;
  ranges: BlockList;
}

export interface BlockIndexesRequest {
  storage: Storage;
  manifest: Pick<Manifest, "id" | "database" | "blocks">;
  signal: AbortSignal;
}

/**
 * Finds out where every block of a backup is, and that every pack is there and as long as the manifest says. Before
 * anything is created, so that a backup that lacks something costs nobody a database.
 *
 * @returns the tables, in the manifest's order; none where the backup has no blocks
 * @throws DataopsError `corrupt` naming the pack or the table; what the storage throws
 */
export async function readBlockIndexes(request: BlockIndexesRequest): Promise<BlockTable[]> {
  const { storage, manifest, signal } = request;
  const { database, blocks } = manifest;
  if (blocks === null) return [];
  const sizes = new Map(blocks.packs.map(({ name, size }) => [name, size]));
  const found: BlockTable[] = [];
  const missing = findMissing(database, blocks.packs, await listPacks(storage, database, signal));
  if (missing[0] !== undefined) throw corruptList(missing[0].what);
  await inParallel([...blocks.tables.entries()], CONCURRENCY, signal, async ([place, table], either) => {
    found[place] = {
      table,
      ranges: await readBlockIndex({ storage, database, sizes, signal: either }, table),
    };
  });
  return found;
}

export interface BlockIndexRequest {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** Bytes of each pack of the backup, by its name. */
  sizes: ReadonlyMap<string, number>;
  signal: AbortSignal;
}

/**
 * Reads where the blocks of one table are.
 *
 * @throws DataopsError `corrupt` naming the pack and the table; what the storage throws
 */
export async function readBlockIndex(
  request: BlockIndexRequest,
  table: ManifestBlockTable,
): Promise<BlockList> {
  const ranges = await parseBlockIndex(textOfIndex(request, table), indexName(table));
  checkRanges(table, ranges, request.sizes);
  return ranges;
}

/** `the list of blocks of public.orders`: in errors. */
function indexName({ schema, name }: ManifestBlockTable): string {
  return `the list of blocks of ${schema}.${name}`;
}

/** In pieces: to be rid of large ones leaves holes that nothing else fits into. Fails at the end where it is another text. */
async function* textOfIndex(
  { storage, database, sizes, signal }: BlockIndexRequest,
  table: ManifestBlockTable,
): AsyncGenerator<Uint8Array, void, void> {
  const { pack, offset, size, sha256 } = table.index;
  checkFrame(table.index, sizes, indexName(table));
  const range = { start: offset, end: endOf(table.index) };
  const stored = await storage.get(packKey(database, pack), { range, signal });
  try {
    if (yield* decodeStream(stored, { size, sha256, dictionary: undefined })) return;
  } catch (error) {
    signal.throwIfAborted();
    if (!isFromZstd(error)) throw error;
  }
  throw corruptFrame(pack, offset, `${indexName(table)} is not what the manifest says`);
}

/** What an index says is held against what the manifest says: the reader of blocks relies on both. */
function checkRanges(table: ManifestBlockTable, ranges: BlockList, sizes: ReadonlyMap<string, number>): void {
  let rows = 0;
  let size = 0;
  for (const { from, block } of ranges) {
    if (block === undefined) continue;
    rows += block.rows;
    size += block.size;
    const where = `${indexName(table)}, page ${pageOf(from)}`;
    checkFrame(block.frame, sizes, where);
    if (block.base !== undefined) checkFrame(block.base.frame, sizes, where);
  }
  if (rows === table.rows && size === table.size) return;
  throw corruptList(
    `${indexName(table)} has ${rows} rows in ${size} bytes; the manifest says ${table.rows} in ${table.size}`,
  );
}

function checkFrame(frame: FrameReference, sizes: ReadonlyMap<string, number>, where: string): void {
  const size = sizes.get(frame.pack);
  if (size === undefined)
    throw corruptList(`${where}, names pack ${frame.pack}, which the manifest does not`);
  if (endOf(frame) <= size) return;
  throw corruptList(`${where}, points behind the end of pack ${frame.pack}`);
}

function corruptList(message: string): DataopsError {
  return new DataopsError("corrupt", message, {
    hint: "restore an older backup (`dataops list`), and find out what wrote to the storage",
  });
}
