import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DATABASE_NAME_PATTERN } from "../database-name.ts";
import { PACK_NAME_PATTERN } from "../keys.ts";

/**
 * The files of cached packs: `<cache directory>/packs/<database>/<name>.pack`. Each is a sparse copy of its pack, with
 * every byte that was fetched at the place that it has there.
 */

const FOLDER = "packs";
const ENDING = ".pack";

/** One cached pack. */
export interface CachedPack {
  path: string;
  /** Bytes on disk: of a file with holes, what it takes there. */
  size: number;
  /** Milliseconds since the epoch. */
  lastUsed: number;
}

/** The folder of a database's packs. */
export function packFolder(directory: string, database: string): string {
  // Checked where it was read. Looked at once more, since a path is made of it.
  if (!DATABASE_NAME_PATTERN.test(database)) throw new Error("the database's name was not checked");
  return join(directory, FOLDER, database);
}

export function packPath(directory: string, database: string, name: string): string {
  if (!PACK_NAME_PATTERN.test(name)) throw new Error("the pack's name was not checked");
  return join(packFolder(directory, database), `${name}${ENDING}`);
}

/** Every cached pack, of all databases. Files that are not the cache's own are passed over. */
export async function listCachedPacks(directory: string): Promise<CachedPack[]> {
  const packs: CachedPack[] = [];
  for (const database of await namesIn(join(directory, FOLDER))) {
    if (!DATABASE_NAME_PATTERN.test(database)) continue;
    for (const file of await namesIn(packFolder(directory, database))) {
      const name = file.slice(0, -ENDING.length);
      if (!file.endsWith(ENDING) || !PACK_NAME_PATTERN.test(name)) continue;
      const path = packPath(directory, database, name);
      const pack = await statIfThere(path);
      if (pack !== undefined) packs.push({ path, ...pack });
    }
  }
  return packs;
}

/** Removes a cached pack. Whoever reads it meanwhile reads on, or fetches what it lacks. */
export async function removeCachedPack({ path }: CachedPack): Promise<void> {
  await rm(path, { force: true });
}

/** Backups' archives, whole and partial, which share the folder and its bound. */
const ARCHIVE_PATTERN = /\.dump\.zst(\.partial)?$/;

/** Bytes that all archives and packs in the cache take on disk. */
export async function bytesInCache(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(directory)) {
    if (!ARCHIVE_PATTERN.test(name)) continue;
    bytes += (await statIfThere(join(directory, name)))?.size ?? 0;
  }
  for (const { size } of await listCachedPacks(directory)) bytes += size;
  return bytes;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function statIfThere(path: string): Promise<Pick<CachedPack, "size" | "lastUsed"> | undefined> {
  try {
    const { size, blocks, mtimeMs } = await stat(path);
    return { size: Math.min(size, blocks * 512), lastUsed: mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ENOENT" || error.code === "ENOTDIR";
}
