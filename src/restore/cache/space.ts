import { rm, statfs } from "node:fs/promises";
import { DataopsError } from "../../errors.ts";
import { humanBytes } from "../../observe/human.ts";
import type { Reporter } from "../../observe/reporter.ts";
import type { CacheConfig } from "../../config/config.ts";
import {
  listCachedPacks,
  packPath,
  removeCachedPack,
  type CachedPack,
} from "../../repository/blocks/cached-packs.ts";
import { listEntries, listUses, type ArchiveFiles, type CacheEntry } from "./files.ts";
import { isHeld, tryLockFile } from "./file-lock.ts";

/**
 * Removes other archives and cached packs, the least recently used first, until an archive of `size` bytes fits into
 * `maxBytes`, or none is left that is not in use.
 */
export async function makeRoom(
  directory: string,
  wanted: ArchiveFiles,
  { size, maxBytes, reporter }: { size: number; maxBytes: number; reporter: Reporter },
): Promise<void> {
  const archives = (await listEntries(directory)).filter(({ files }) => files.archive !== wanted.archive);
  const packs = await listCachedPacks(directory);
  const used = [...archives, ...packs].reduce((sum, entry) => sum + entry.size, 0);
  await removeOldest([...archivesIn(directory, archives), ...packs.map(removable)], {
    excess: used + size - maxBytes,
    reporter,
  });
}

/** As `makeRoom`, for the bytes that the cache lacks of some packs of one database; of those none is removed. */
export async function makeRoomForPacks(
  database: string,
  needed: readonly { name: string; size: number }[],
  { cache: { directory, maxBytes }, reporter }: { cache: CacheConfig; reporter: Reporter },
): Promise<void> {
  const wanted = new Map(needed.map(({ name, size }) => [packPath(directory, database, name), size]));
  const archives = await listEntries(directory);
  const packs = await listCachedPacks(directory);
  const others = packs.filter(({ path }) => !wanted.has(path));
  let used = [...archives, ...others].reduce((sum, entry) => sum + entry.size, 0);
  const sizes = new Map(packs.map(({ path, size }) => [path, size]));
  for (const [path, size] of wanted) used += Math.max(size, sizes.get(path) ?? 0);
  const candidates = [...archivesIn(directory, archives), ...others.map(removable)];
  await removeOldest(candidates, { excess: used - maxBytes, reporter });
}

/** Something in the cache that may go. */
interface Removable {
  path: string;
  size: number;
  lastUsed: number;
  /** @returns false where someone uses it */
  remove: () => Promise<boolean>;
}

function archivesIn(directory: string, archives: readonly CacheEntry[]): Removable[] {
  return archives.map(({ files, size, lastUsed }) => ({
    path: files.archive,
    size,
    lastUsed,
    remove: () => removeUnused(directory, files),
  }));
}

function removable(pack: CachedPack): Removable {
  return { ...pack, remove: () => removeCachedPack(pack).then(() => true) };
}

async function removeOldest(
  candidates: readonly Removable[],
  { excess, reporter }: { excess: number; reporter: Reporter },
): Promise<void> {
  let left = excess;
  for (const { path, size, remove } of candidates.toSorted((one, other) => one.lastUsed - other.lastUsed)) {
    if (left <= 0) return;
    if (!(await remove())) continue;
    left -= size;
    reporter.info(`removed ${path} from the cache (${humanBytes(size)})`);
  }
}

/** Removes an archive and all that belongs to it, unless someone uses it. @returns whether it did */
export async function removeUnused(directory: string, files: ArchiveFiles): Promise<boolean> {
  // With the lock nobody can begin to use it.
  await using lock = await tryLockFile(files.lock);
  if (lock === undefined) return false;
  const uses = await listUses(directory, files);
  for (const use of uses) {
    if (await isHeld(use)) return false;
  }
  for (const path of [files.archive, files.partial, files.pieces, ...uses]) await rm(path, { force: true });
  return true;
}

/**
 * Checks that the disk takes what is still to be downloaded and the archive decompressed beside it.
 *
 * @throws DataopsError `refused` with the numbers
 */
export async function checkFreeSpace(directory: string, download: number, rawSize: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (download + rawSize <= free) return;
  throw new DataopsError(
    "refused",
    `not enough disk for this backup in ${directory}: ${humanBytes(download)} to download and ` +
      `${humanBytes(rawSize)} to decompress, ${humanBytes(free)} free`,
    { hint: "free some space, or set cache.directory to a larger disk" },
  );
}
