import { createHash } from "node:crypto";
import { DataopsError } from "../../errors.ts";
import type { Progress } from "../../observe/reporter.ts";
import type { ManifestArchive } from "../../repository/manifest.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { ByteRange, Storage } from "../../storage/storage.ts";
import type { PartialArchive } from "./partial-archive.ts";

/** How often a piece is fetched before the object is taken for corrupt: a bit may also flip on the way. */
const ATTEMPTS = 2;

/** A block of 4 bytes, of which zstd's format has none smaller, comes to 128 KiB at most. */
const MAX_ZSTD_RATIO = 32_768;

export interface DownloadOptions {
  signal: AbortSignal;
  /** Pieces fetched at the same time. */
  concurrency: number;
  /** Told the bytes as they come; a piece that is fetched again is taken back first. */
  progress: Progress;
}

/**
 * Fetches the pieces of the object `key` that `partial` misses, each checked before it is recorded. A piece passes
 * through in chunks, so that memory stays flat.
 *
 * @returns how many bytes came
 * @throws DataopsError `corrupt` for a piece that stays wrong; what the storage and the file system throw
 */
export async function downloadPieces(
  storage: Storage,
  key: string,
  partial: PartialArchive,
  { signal, concurrency, progress }: DownloadOptions,
): Promise<number> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  const missing = partial.missing().values();
  let downloaded = 0;

  async function work(): Promise<void> {
    for (const index of missing) {
      either.throwIfAborted();
      await fetchPiece(index);
    }
  }

  async function fetchPiece(index: number): Promise<void> {
    const range = partial.rangeOf(index);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { digest, received } = await copyRange(range);
      if (partial.matches(index, digest)) return partial.record(index);
      progress.add(-received);
    }
    throw corruptPiece(storage, key, range);
  }

  /** Copies a range of the object to its place. @returns the digest and the number of the bytes that came */
  async function copyRange(range: ByteRange): Promise<{ digest: string; received: number }> {
    const hash = createHash("sha256");
    let received = 0;
    for await (const chunk of await storage.get(key, { range, signal: either })) {
      either.throwIfAborted();
      received += chunk.byteLength;
      downloaded += chunk.byteLength;
      progress.add(chunk.byteLength);
      hash.update(chunk);
      // More than was asked for is wrong, and must not be written over the next piece.
      if (received > range.end - range.start) break;
      await partial.write(chunk, range.start + received - chunk.byteLength);
    }
    return { digest: hash.digest("hex"), received };
  }

  let firstError: unknown;
  const workers = Array.from({ length: concurrency }, () =>
    work().catch((error: unknown) => {
      if (!failure.signal.aborted) firstError = error;
      failure.abort(error);
    }),
  );
  // Each of them ends before the file is closed.
  await Promise.all(workers);
  signal.throwIfAborted();
  if (failure.signal.aborted) throw firstError;
  return downloaded;
}

/**
 * Looks at the object before the first byte.
 *
 * @throws DataopsError `corrupt` where it is gone, or is not as long as it should be
 */
export async function checkObject(
  storage: Storage,
  key: string,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    const found = await storage.head(key, { signal });
    if (found.size === size) return;
    throw corrupt(storage, key, `is ${found.size} bytes long; its manifest says ${size}`);
  } catch (error) {
    if (isStorageError(error, "not-found")) throw corrupt(storage, key, "is missing", error);
    throw error;
  }
}

/**
 * Looks at what the archive is said to decompress to: an absurd size is no reason to ask for a larger disk.
 *
 * @throws DataopsError `corrupt` where no zstd frames of its size can hold as much
 */
export function checkRatio(key: string, { size, rawSize }: ManifestArchive): void {
  if (rawSize <= size * MAX_ZSTD_RATIO) return;
  throw new DataopsError(
    "corrupt",
    `${key} is corrupt: ${size} bytes cannot hold the ${rawSize} that its manifest says`,
    { hint: "restore an older backup (`dataops list`), and find out what wrote to the storage" },
  );
}

function corruptPiece(storage: Storage, key: string, { start, end }: ByteRange): DataopsError {
  return corrupt(storage, key, `is corrupt between bytes ${start} and ${end}`);
}

function corrupt(storage: Storage, key: string, what: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `${key} in ${storage.url} ${what}`, {
    hint: "restore an older backup (`dataops list`), and find out what wrote to the storage",
    cause,
  });
}
