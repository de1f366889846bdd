import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm, utimes, writeFile } from "node:fs/promises";
import type { CacheConfig } from "../../config/config.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { archiveKey } from "../../repository/keys.ts";
import type { Manifest } from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";
import { filesOf, sizeOf, type ArchiveFiles } from "./files.ts";
import { checkFreeSpace, makeRoom, removeUnused } from "./space.ts";
import { diskError, readRange } from "./disk.ts";
import { checkObject, checkRatio, downloadPieces } from "./download.ts";
import { lockFile, markFile } from "./file-lock.ts";
import { fullJournal, PartialArchive } from "./partial-archive.ts";

const CONCURRENCY = 4;

/** A backup's archive on this machine. It stays where it is until this is disposed. */
export interface CachedArchive extends AsyncDisposable {
  /** Path of the archive as stored (zstd), whole and checked. */
  path: string;
  /** Bytes fetched now; 0 when it was there. */
  downloaded: number;
}

export interface FetchOptions {
  signal: AbortSignal;
  reporter: Reporter;
  /** Pieces downloaded at the same time. */
  concurrency?: number;
}

/**
 * Brings a backup's archive into the cache, unless it is there, and checks all of it against the manifest. A download
 * that was interrupted goes on where it stopped. Of several processes that want the same one, the others wait.
 *
 * @throws DataopsError `corrupt` naming the object where it is not what the manifest describes, `refused` where the disk
 *   has no room for it, `failed` where the disk fails; what the storage throws; the signal's reason
 */
export async function fetchArchive(
  storage: Storage,
  manifest: Manifest,
  cache: CacheConfig,
  options: FetchOptions,
): Promise<CachedArchive> {
  const files = filesOf(cache.directory, manifest);
  try {
    await mkdir(cache.directory, { recursive: true, mode: 0o700 });
    await using _lock = await lockFile(files.lock, {
      signal: options.signal,
      onWait: (holder) => options.reporter.info(waitMessage(files, holder)),
    });
    const downloaded = await provide(storage, manifest, cache, files, options);
    // Made before the lock goes, so that at no time the archive looks unused.
    const use = await markFile(`${files.use}${randomUUID()}`);
    return {
      path: files.archive,
      downloaded,
      async [Symbol.asyncDispose]() {
        await use[Symbol.asyncDispose]();
        if (manifest.archive.size > cache.maxBytes) await removeUnused(cache.directory, files);
      },
    };
  } catch (error) {
    options.signal.throwIfAborted();
    throw diskError(error, files.archive);
  }
}

/** @returns the bytes fetched */
async function provide(
  storage: Storage,
  manifest: Manifest,
  cache: CacheConfig,
  files: ArchiveFiles,
  options: FetchOptions,
): Promise<number> {
  const { archive } = manifest;
  const { signal, reporter } = options;
  if ((await sizeOf(files.archive)) !== undefined) {
    if (await isWhole(files, manifest, options)) {
      await checkFreeSpace(cache.directory, 0, archive.rawSize);
      await touch(files.archive);
      return 0;
    }
    reporter.warn(`${files.archive} in the cache is damaged; its bad pieces are downloaded again`);
    await demote(files, manifest);
  }

  const key = archiveKey(manifest.database, manifest.id);
  checkRatio(key, archive);
  await checkObject(storage, key, archive.size, signal);
  await makeRoom(cache.directory, files, { size: archive.size, maxBytes: cache.maxBytes, reporter });
  const downloaded = await download(storage, key, manifest, cache, files, options);
  await rename(files.partial, files.archive);
  await rm(files.pieces, { force: true });
  await touch(files.archive);
  return downloaded;
}

async function download(
  storage: Storage,
  key: string,
  { archive }: Manifest,
  { directory }: CacheConfig,
  files: ArchiveFiles,
  { signal, reporter, concurrency = CONCURRENCY }: FetchOptions,
): Promise<number> {
  await using partial = await PartialArchive.open(files, archive, signal);
  const bytes = partial.missing().reduce((sum, index) => sum + lengthOf(partial.rangeOf(index)), 0);
  await checkFreeSpace(directory, bytes, archive.rawSize);
  if (bytes < archive.size) reporter.info("going on with an interrupted download");
  const progress = reporter.progress("download", bytes);
  try {
    const downloaded = await downloadPieces(storage, key, partial, { signal, concurrency, progress });
    await partial.trim();
    return downloaded;
  } finally {
    progress.end();
  }
}

/** Whether the archive in the cache is byte for byte the one that the manifest describes. */
async function isWhole(
  files: ArchiveFiles,
  { archive }: Manifest,
  { signal, reporter }: FetchOptions,
): Promise<boolean> {
  if ((await sizeOf(files.archive)) !== archive.size) return false;
  const progress = reporter.progress("check", archive.size);
  try {
    await using file = await open(files.archive, "r");
    const hash = createHash("sha256");
    for await (const chunk of readRange(file, 0, archive.size, signal)) {
      hash.update(chunk);
      progress.add(chunk.byteLength);
    }
    return hash.digest("hex") === archive.sha256;
  } finally {
    progress.end();
  }
}

/** Turns a damaged archive back into a partial one, whose good pieces are kept. */
async function demote(files: ArchiveFiles, { archive }: Manifest): Promise<void> {
  await writeFile(files.pieces, fullJournal(archive), { mode: 0o600 });
  await rename(files.archive, files.partial);
}

/** The modification time says when an archive was last used. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

function lengthOf({ start, end }: { start: number; end: number }): number {
  return end - start;
}

function waitMessage(files: ArchiveFiles, holder: number | undefined): string {
  const who = holder === undefined ? "another process" : `process ${holder}`;
  return `waiting for ${who}, which is fetching the same backup (${files.lock})`;
}
