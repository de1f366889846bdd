import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isBackupId } from "../../repository/backup-id.ts";
import { DATABASE_NAME_PATTERN } from "../../repository/database-name.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { isSystemError } from "./disk.ts";

/**
 * The names of the cache's files. An archive is `<database>-<id>-<digest>.dump.zst`, and what belongs to it has the same
 * name with an ending:
 *
 * - `.partial`: the archive while it is downloaded, each piece at its place
 * - `.pieces`: the numbers of the pieces that were written there and checked, one a line
 * - `.lock`: held while the archive is downloaded, checked or removed
 * - `.use-<random>`: held while someone reads the archive
 */

/** Hexadecimal digits of the archive's digest in its name: enough to tell two archives of one id apart. */
const DIGEST_DIGITS = 16;
const DIGEST_PATTERN = /^[0-9a-f]{64}$/;

/** An archive's name, then the ending of what belongs to it. */
const FILE_PATTERN = /^([a-z0-9][a-z0-9_-]*-\d{8}T\d{6}Z-[a-z0-9]{6}-[0-9a-f]{16}\.dump\.zst)(\..+)?$/;

export interface ArchiveFiles {
  archive: string;
  partial: string;
  pieces: string;
  lock: string;
  /** What the path of everything held by a reader begins with. */
  use: string;
}

/** The paths of the files of a backup's archive. */
export function filesOf(directory: string, manifest: Manifest): ArchiveFiles {
  const { database, id } = manifest;
  const { sha256 } = manifest.archive;
  // Manifests are checked when they are read. Looked at once more, since a path is made of it.
  if (!DATABASE_NAME_PATTERN.test(database) || !isBackupId(id) || !DIGEST_PATTERN.test(sha256)) {
    throw new Error("the manifest was not checked");
  }
  return filesNamed(directory, `${database}-${id}-${sha256.slice(0, DIGEST_DIGITS)}.dump.zst`);
}

function filesNamed(directory: string, name: string): ArchiveFiles {
  const archive = join(directory, name);
  return {
    archive,
    partial: `${archive}.partial`,
    pieces: `${archive}.pieces`,
    lock: `${archive}.lock`,
    use: `${archive}.use-`,
  };
}

/** One archive of the cache, whole or partial. */
export interface CacheEntry {
  files: ArchiveFiles;
  /** Bytes on disk. */
  size: number;
  /** Milliseconds since the epoch. */
  lastUsed: number;
}

/** Every archive in the cache, whole or partial. Files that are not the cache's own are passed over. */
export async function listEntries(directory: string): Promise<CacheEntry[]> {
  const names = new Set<string>();
  for (const name of await readdir(directory)) {
    const archive = FILE_PATTERN.exec(name)?.[1];
    if (archive !== undefined) names.add(archive);
  }
  const entries: CacheEntry[] = [];
  for (const name of names) {
    const files = filesNamed(directory, name);
    const found = [await statIfThere(files.archive), await statIfThere(files.partial)].filter(
      (stats) => stats !== undefined,
    );
    if (found.length === 0) continue;
    entries.push({
      files,
      // A partial file has holes: what it takes on disk counts.
      size: found.reduce((sum, { size, blocks }) => sum + Math.min(size, blocks * 512), 0),
      lastUsed: Math.max(...found.map(({ mtimeMs }) => mtimeMs)),
    });
  }
  return entries;
}

/** The marks of those who read the archive, dead ones too. */
export async function listUses(directory: string, files: ArchiveFiles): Promise<string[]> {
  const names = await readdir(directory);
  return names.map((name) => join(directory, name)).filter((path) => path.startsWith(files.use));
}

/** The size of a file in bytes; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return (await statIfThere(path))?.size;
}

async function statIfThere(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}
