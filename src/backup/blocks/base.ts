import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { DataopsError, isDataopsError, messageOf } from "../../errors.ts";
import {
  parseBlockIndex,
  type BlockRange,
  type FrameReference,
  type StoredBlock,
} from "../../repository/blocks/block-index.ts";
import { latestBackup } from "../../repository/catalogue.ts";
import { packKey, packsPrefix } from "../../repository/keys.ts";
import type {
  Manifest,
  ManifestBlocks,
  ManifestBlockTable,
  ManifestSource,
} from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";

const decompress = promisify(zstdDecompress);

/** What is known of one table in the earlier backup. */
export interface BaseTable {
  entry: ManifestBlockTable;
  ranges: readonly BlockRange[];
}

/** An earlier backup, whose blocks the new one may refer to. */
export interface Base {
  id: string;
  /** By `tableKey`. */
  tables: ReadonlyMap<string, BaseTable>;
  /** By the SHA-256 of their text. */
  blocks: ReadonlyMap<string, StoredBlock>;
  /** Bytes of each pack, by its name. */
  packs: ReadonlyMap<string, number>;
}

export interface BaseRequest {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  source: Pick<ManifestSource, "systemIdentifier" | "databaseOid">;
  signal: AbortSignal;
  /** Told why there is no base, where there should be one. */
  warn: (message: string) => void;
}

export function tableKey({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

/**
 * The newest backup of the same database, if it has blocks that are all there. Undefined where all blocks have to be
 * written anew: a backup never fails because an earlier one is damaged.
 *
 * @throws the signal's reason
 */
export async function readBase(request: BaseRequest): Promise<Base | undefined> {
  const { storage, database, source, signal, warn } = request;
  try {
    const manifest = await latestBackup(storage, database, { signal });
    const isSame =
      manifest.source.systemIdentifier === source.systemIdentifier &&
      manifest.source.databaseOid === source.databaseOid;
    if (!isSame || manifest.blocks === null) return undefined;
    return await readBlocks(storage, manifest, manifest.blocks, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isDataopsError(error, "noSuchBackup")) return undefined;
    warn(`all blocks are written anew, since the last backup's cannot be used: ${messageOf(error)}`);
    return undefined;
  }
}

async function readBlocks(
  storage: Storage,
  { id, database }: Manifest,
  { packs, tables }: ManifestBlocks,
  signal: AbortSignal,
): Promise<Base> {
  const sizes = new Map(packs.map(({ name, size }) => [name, size]));
  await checkPacks(storage, database, sizes, signal);
  const baseTables = new Map<string, BaseTable>();
  const blocks = new Map<string, StoredBlock>();
  for (const entry of tables) {
    const ranges = await readIndex(storage, database, entry, { sizes, signal });
    baseTables.set(tableKey(entry), { entry, ranges });
    for (const { block } of ranges) if (block !== undefined) blocks.set(block.sha256, block);
  }
  return { id, tables: baseTables, blocks, packs: sizes };
}

/** A block that is referred to must be there. */
async function checkPacks(
  storage: Storage,
  database: string,
  sizes: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const found = new Map<string, number>();
  for await (const { key, size } of storage.list(packsPrefix(database), { signal })) found.set(key, size);
  for (const [name, size] of sizes) {
    const actual = found.get(packKey(database, name));
    if (actual === undefined) throw corrupt(`pack ${name} is missing`);
    if (actual !== size) throw corrupt(`pack ${name} has ${actual} bytes instead of ${size}`);
  }
}

async function readIndex(
  storage: Storage,
  database: string,
  { schema, name, index, rows, size }: ManifestBlockTable,
  { sizes, signal }: { sizes: ReadonlyMap<string, number>; signal: AbortSignal },
): Promise<BlockRange[]> {
  const where = `the list of blocks of ${schema}.${name}`;
  checkInside(index, sizes, where);
  const range = { start: index.offset, end: index.offset + index.length };
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.get(packKey(database, index.pack), { range, signal })) {
    chunks.push(chunk);
  }
  // A limit of nothing would be taken for none.
  const text = await decompress(Buffer.concat(chunks), { maxOutputLength: Math.max(1, index.size) });
  if (createHash("sha256").update(text).digest("hex") !== index.sha256) throw corrupt(`${where} has changed`);
  const ranges = parseBlockIndex(text.toString(), where);
  const sum = { rows: 0, size: 0 };
  for (const { block } of ranges) {
    if (block === undefined) continue;
    checkInside(block.frame, sizes, where);
    if (block.base !== undefined) checkInside(block.base.frame, sizes, where);
    sum.rows += block.rows;
    sum.size += block.size;
  }
  if (sum.rows !== rows || sum.size !== size) throw corrupt(`${where} does not fit the manifest`);
  return ranges;
}

function checkInside(frame: FrameReference, sizes: ReadonlyMap<string, number>, where: string): void {
  const size = sizes.get(frame.pack);
  if (size === undefined || frame.offset + frame.length > size) {
    throw corrupt(`${where} points outside of the backup's packs`);
  }
}

function corrupt(message: string): DataopsError {
  return new DataopsError("corrupt", message);
}
