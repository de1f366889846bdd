import { DataopsError } from "../errors.ts";
import { BufferRing } from "./buffer-ring.ts";
import type { ObjectInfo, PartLimits, Storage } from "./storage.ts";

/** How many parts may be on their way at once, while another one fills: memory is `partSize * (concurrency + 1)`. */
const DEFAULT_CONCURRENCY = 3;

/** A stream may turn out this many times as long as was estimated, and its parts still suffice. */
const ESTIMATE_MARGIN = 4;

/** Milliseconds; a program that was terminated has 25 s in all. */
const ABORT_TIMEOUT = 5_000;

const MIB = 1024 * 1024;

export interface UploadOptions {
  /** Bytes that the stream is expected to have; it may have more. */
  estimatedSize: number;
  concurrency?: number | undefined;
  /** Of one upload after the other, with buffers of `choosePartSize`; by default one of its own for `concurrency`. */
  ring?: BufferRing | undefined;
  signal: AbortSignal;
  /** Called with the bytes of each part that arrived. */
  onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * The size of an upload's parts, in bytes: all equal, as some stores demand, and large enough that the most parts allowed
 * hold several times the estimate. Rounded up to a whole MiB.
 *
 * @throws DataopsError `usage` where the limits of the store cannot hold the estimate at all
 */
export function choosePartSize(limits: PartLimits, estimatedSize: number): number {
  const needed = Math.ceil((estimatedSize * ESTIMATE_MARGIN) / limits.maxParts / MIB) * MIB;
  const wanted = Math.max(limits.partSize, limits.minPartSize, needed);
  const size = Math.min(wanted, limits.maxPartSize);
  if (size * limits.maxParts < estimatedSize) {
    throw new DataopsError(
      "usage",
      `${limits.maxParts} parts of ${limits.maxPartSize} bytes cannot hold an estimated ${estimatedSize} bytes`,
      { hint: "raise storage.maxParts, if the store allows more parts" },
    );
  }
  return size;
}

/**
 * Uploads a stream of unknown length as one object, in parts, several at a time, through a fixed ring of buffers.
 *
 * The object appears only after `source` has ended without an error and every part has arrived; after any failure the
 * upload is aborted and nothing appears.
 *
 * @throws what `source` throws, what the storage throws, or the signal's reason
 */
export async function uploadStream(
  storage: Storage,
  key: string,
  source: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<ObjectInfo> {
  const partSize = choosePartSize(storage.limits, options.estimatedSize);
  const ring = options.ring ?? new BufferRing(partSize, (options.concurrency ?? DEFAULT_CONCURRENCY) + 1);
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const upload = await storage.startUpload(key, partSize, { signal: options.signal });
  const sending = new Set<Promise<void>>();
  let parts = 0;

  const send = (buffer: Buffer, length: number): void => {
    parts += 1;
    if (parts > storage.limits.maxParts) throw tooLong(storage, key, partSize);
    const sent = upload
      .part(parts, buffer.subarray(0, length), { signal })
      .then(() => options.onProgress?.(length))
      .catch((error: unknown) => failure.abort(error))
      .finally(() => {
        ring.release(buffer);
        sending.delete(sent);
      });
    sending.add(sent);
  };

  try {
    let buffer = await ring.acquire();
    let filled = 0;
    for await (const chunk of source) {
      let offset = 0;
      while (offset < chunk.byteLength) {
        signal.throwIfAborted();
        const count = Math.min(partSize - filled, chunk.byteLength - offset);
        buffer.set(chunk.subarray(offset, offset + count), filled);
        offset += count;
        filled += count;
        if (filled < partSize) continue;
        send(buffer, filled);
        buffer = await ring.acquire();
        filled = 0;
      }
      signal.throwIfAborted();
    }
    if (filled > 0 || parts === 0) send(buffer, filled);
    else ring.release(buffer);
    await Promise.all(sending);
    signal.throwIfAborted();
    return await upload.complete(parts, { signal });
  } catch (error) {
    failure.abort(error);
    await Promise.all(sending);
    // Where even this fails, what was sent stays unfinished: invisible, and listed by `listUploads`.
    await upload.abort({ signal: AbortSignal.timeout(ABORT_TIMEOUT) }).catch(() => undefined);
    throw signal.reason;
  }
}

function tooLong(storage: Storage, key: string, partSize: number): DataopsError {
  return new DataopsError(
    "failed",
    `${key} is longer than ${storage.limits.maxParts} parts of ${partSize} bytes, several times what was expected`,
    { hint: "set storage.partSize to a larger size" },
  );
}
