import { rm, statfs } from "node:fs/promises";
import { DataopsError } from "../../errors.ts";
import { humanBytes } from "../../observe/human.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { listEntries, listUses, type ArchiveFiles } from "./files.ts";
import { isHeld, tryLockFile } from "./file-lock.ts";

/**
 * Removes other archives, the least recently used first, until one of `size` bytes fits into `maxBytes`, or none is left
 * that is not in use.
 */
export async function makeRoom(
  directory: string,
  wanted: ArchiveFiles,
  { size, maxBytes, reporter }: { size: number; maxBytes: number; reporter: Reporter },
): Promise<void> {
  const others = (await listEntries(directory)).filter(({ files }) => files.archive !== wanted.archive);
  let used = others.reduce((sum, entry) => sum + entry.size, 0);
  for (const entry of others.sort((one, other) => one.lastUsed - other.lastUsed)) {
    if (used + size <= maxBytes) return;
    if (!(await removeUnused(directory, entry.files))) continue;
    used -= entry.size;
    reporter.info(`removed ${entry.files.archive} from the cache (${humanBytes(entry.size)})`);
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
