import { constants } from "node:fs";
import { mkdir, open, statfs, utimes } from "node:fs/promises";
import type { CacheConfig } from "../../config/config.ts";
import { messageOf } from "../../errors.ts";
import { humanBytes } from "../../observe/human.ts";
import type { Reporter } from "../../observe/reporter.ts";
import type { Storage } from "../../storage/storage.ts";
import {
  bytesInCache,
  listCachedPacks,
  packFolder,
  packPath,
  removeCachedPack,
  type CachedPack,
} from "./cached-packs.ts";

/**
 * What was fetched of packs, on this machine: for restores and backups alike.
 *
 * Nothing is written down about what is there. A hole reads as zeros, with which no frame begins, and in the end the digest
 * of what a frame decompresses to decides; what is damaged is fetched again. So nothing has to be flushed or locked, and a
 * process may die at any time, or remove what another one reads.
 */
export interface PackCache extends AsyncDisposable {
  /**
   * Those bytes of a pack, in memory of their own; undefined where its file is missing or ends before. What was never written
   * comes as zeros.
   */
  read(pack: string, start: number, end: number): Promise<Buffer | undefined>;
  /** Keeps those bytes, if there is room. Never fails: what the disk refuses turns the cache off, and is told once. */
  write(pack: string, start: number, content: Uint8Array): Promise<void>;
}

/** Keeps nothing. */
export const noPackCache: PackCache = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

export interface PackCacheRequest {
  cache: CacheConfig;
  /** The database's name in the configuration, whose packs these are. */
  database: string;
  /** Packs that will be read, and how many bytes of each at most. */
  needed: readonly { name: string; size: number }[];
  reporter: Reporter;
}

/** Whether packs of this storage are nearer in a cache: not where it is a folder. */
export function isWorthCaching({ url }: Storage): boolean {
  return !url.startsWith("file:");
}

/**
 * Makes room for what is needed, the least recently used first, and opens the cache. Archives and packs together stay within
 * `cache.maxBytes`. Where the folder cannot be used there is a warning, and no cache.
 */
export async function openPackCache(request: PackCacheRequest): Promise<PackCache> {
  const { cache, database, needed, reporter } = request;
  const folder = packFolder(cache.directory, database);
  const sizes = new Map(needed.map(({ name, size }) => [packPath(cache.directory, database, name), size]));
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const packs = await listCachedPacks(cache.directory);
    const total = await bytesInCache(cache.directory);
    const bound = Math.min(cache.maxBytes, total + (await spareBytes(cache.directory)));
    for (const pack of chooseToRemove(packs, { total, bound, needed: sizes })) await removeCachedPack(pack);
    await touch(packs.filter(({ path }) => sizes.has(path)));
  } catch (error) {
    reporter.warn(`packs are not kept in ${cache.directory}: ${messageOf(error)}`);
    return noPackCache;
  }
  return new FolderPackCache(request);
}

export interface RemovalLimits {
  /** Bytes of all archives and packs. */
  total: number;
  /** Bytes that they may be. */
  bound: number;
  /** Bytes that will be wanted of a pack, by its path. */
  needed: ReadonlyMap<string, number>;
}

/** The packs to remove, so that what is needed fits beside what stays. What is needed goes last, and never for its own kind. Pure. */
export function chooseToRemove(
  packs: readonly CachedPack[],
  { total, bound, needed }: RemovalLimits,
): CachedPack[] {
  const sizes = new Map(packs.map(({ path, size }) => [path, size]));
  let missing = 0;
  for (const [path, size] of needed) missing += Math.max(0, size - (sizes.get(path) ?? 0));
  let left = total;
  const byUse = packs.toSorted((one, other) => one.lastUsed - other.lastUsed);
  const removed: CachedPack[] = [];
  for (const pack of [
    ...byUse.filter(({ path }) => !needed.has(path)),
    ...byUse.filter(({ path }) => needed.has(path)),
  ]) {
    if (left + (needed.has(pack.path) ? 0 : missing) <= bound) continue;
    removed.push(pack);
    left -= pack.size;
  }
  return removed;
}

/** Bytes that are left to the others on the disk, of which the database that is restored may be one. */
const MIN_AIR = 1024 ** 3;
const AIR_SHARE = 0.05;
const MAX_AIR = 10 * 1024 ** 3;

/** Bytes that the cache may still take from the disk; negative where it is too full already. */
async function spareBytes(directory: string): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(directory);
  const air = Math.max(MIN_AIR, Math.min(MAX_AIR, blocks * bsize * AIR_SHARE));
  return bavail * bsize - air;
}

async function touch(packs: readonly CachedPack[]): Promise<void> {
  const now = new Date();
  // One that another process has removed meanwhile needs no date.
  await Promise.allSettled(packs.map(({ path }) => utimes(path, now, now)));
}

/** Bytes written before the room is measured again: others write, too. */
const ALLOWANCE = 64 * 1024 * 1024;
/** A link that somebody put there is not followed. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;

/** Files are opened for one read or write each: as many are open as there are requests at a time. */
class FolderPackCache implements PackCache {
  readonly #request: PackCacheRequest;
  #writes = true;
  #allowance = 0;
  /** Bytes on their way to the disk. */
  #writing = 0;
  /** While the room is measured. */
  #measuring: Promise<void> | undefined;

  constructor(request: PackCacheRequest) {
    this.#request = request;
  }

  async read(pack: string, start: number, end: number): Promise<Buffer | undefined> {
    const path = this.#path(pack);
    try {
      await using file = await open(path, READ);
      const content = Buffer.allocUnsafeSlow(end - start);
      const { bytesRead } = await file.read(content, 0, content.byteLength, start);
      return bytesRead === content.byteLength ? content : undefined;
    } catch {
      // Missing, removed or broken: it is in the storage.
      return undefined;
    }
  }

  async write(pack: string, start: number, content: Uint8Array): Promise<void> {
    const path = this.#path(pack);
    const bytes = content.byteLength;
    let isAllowed = false;
    try {
      isAllowed = await this.#isAllowed(bytes);
      if (!isAllowed) return;
      await using file = await open(path, WRITE, 0o600);
      // What did not fit is a hole.
      await file.write(content, 0, bytes, start);
    } catch (error) {
      if (this.#writes) this.#request.reporter.warn(`no more packs are cached: ${messageOf(error)}`);
      this.#writes = false;
    } finally {
      if (isAllowed) this.#writing -= bytes;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#writes = false;
    return Promise.resolve();
  }

  #path(pack: string): string {
    return packPath(this.#request.cache.directory, this.#request.database, pack);
  }

  async #isAllowed(bytes: number): Promise<boolean> {
    while (this.#writes) {
      if (bytes <= this.#allowance) {
        this.#allowance -= bytes;
        this.#writing += bytes;
        return true;
      }
      this.#measuring ??= this.#measure(bytes).finally(() => {
        this.#measuring = undefined;
      });
      await this.#measuring;
    }
    return false;
  }

  /** Allows some bytes more, at least those wanted, or ends the writing. */
  async #measure(wanted: number): Promise<void> {
    const { cache, reporter } = this.#request;
    const total = (await bytesInCache(cache.directory)) + this.#writing;
    const room = Math.min(cache.maxBytes - total, await spareBytes(cache.directory));
    if (room >= wanted) {
      this.#allowance = Math.min(room, Math.max(wanted, ALLOWANCE));
      return;
    }
    this.#writes = false;
    reporter.info(`no more packs are cached: ${humanBytes(total)} are in ${cache.directory}, and no room`);
  }
}
