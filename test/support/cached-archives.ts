import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CacheConfig } from "../../src/config/config.ts";
import { silentReporter, type Reporter } from "../../src/observe/reporter.ts";
import { archiveKey } from "../../src/repository/keys.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { fetchArchive, type CachedArchive } from "../../src/restore/cache/cache.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { faultyStorage, type FaultRules, type FaultyStorage } from "./faulty-storage.ts";
import { exampleManifest } from "./manifests.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Small backups of random bytes, and a cache to fetch them into. */

/** Bytes of a piece, and of the chunks that it comes in. */
export const PIECE = 64 * 1024;
export const CHUNK = 8 * 1024;
export const CONCURRENCY = 4;
/** Nine whole pieces and a short one. */
export const SIZE = 9 * PIECE + 1000;

export interface CacheFixture {
  /** The storage itself. */
  inner: Storage;
  /** The same, going wrong and counting. */
  storage: FaultyStorage;
  cache: CacheConfig;
}

/** A storage without backups, that goes wrong by `rules`, and a cache folder that does not exist yet. */
export async function cacheFixture(rules: FaultRules = {}, maxBytes = 100 * SIZE): Promise<CacheFixture> {
  const folder = await temporaryFolder("cache");
  const inner = openFileStorage(join(folder, "storage"));
  const storage = faultyStorage(inner, { chunkSize: CHUNK, ...rules });
  return { inner, storage, cache: { directory: join(folder, "cache", "archives"), maxBytes } };
}

export interface Backup {
  manifest: Manifest;
  content: Buffer;
  key: string;
}

/** Stores a backup that began at `started`; only its archive, which is all that a fetch reads. */
export async function storeBackup(
  storage: Storage,
  started?: string,
  size = SIZE,
  rawSize = 1000,
): Promise<Backup> {
  const content = randomBytes(size);
  const example = exampleManifest(started);
  const pieces = Array.from({ length: Math.max(1, Math.ceil(size / PIECE)) }, (_, index) =>
    sha256(content.subarray(index * PIECE, (index + 1) * PIECE)),
  );
  const archive = { ...example.archive, size, rawSize, sha256: sha256(content), pieceSize: PIECE, pieces };
  const manifest = { ...example, archive };
  const key = archiveKey(manifest.database, manifest.id);
  await storage.put(key, content);
  return { manifest, content, key };
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

interface Overrides {
  signal?: AbortSignal;
  reporter?: Reporter;
}

/** `fetchArchive` with four pieces at a time; says nothing and ends by itself, unless told otherwise. */
export function fetch(storage: Storage, manifest: Manifest, cache: CacheConfig, overrides: Overrides = {}) {
  return fetchArchive(storage, manifest, cache, {
    signal: new AbortController().signal,
    reporter: silentReporter,
    concurrency: CONCURRENCY,
    ...overrides,
  });
}

/** Fetches, and lets go of the archive at once. */
export async function fetchAndLeave(...parameters: Parameters<typeof fetch>): Promise<CachedArchive> {
  await using cached = await fetch(...parameters);
  return cached;
}

/** The names of the whole archives in the cache. */
export async function archivesIn({ directory }: CacheConfig): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".dump.zst")).sort();
}

/** A reporter that gives the bytes of its progress to `add`. */
export function counting(add: (bytes: number) => unknown): Reporter {
  return { ...silentReporter, progress: () => ({ add: (bytes) => void add(bytes), end() {} }) };
}

export const brokenConnection = new StorageError("transient", "the connection broke");

/** Flips a bit of the byte at `position`. */
export async function overwrite(path: string, position: number): Promise<void> {
  const content = await readFile(path);
  content[position] = (content[position] ?? 0) ^ 1;
  await writeFile(path, content);
}
