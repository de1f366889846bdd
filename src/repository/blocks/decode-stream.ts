import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { isFromZstd, MIN_CHUNK_SIZE, type ExpectedText } from "./decode-frame.ts";

/** Bytes; larger than Node's own, for fewer turns between its threads and ours. */
const OUTPUT_CHUNK_SIZE = 256 * 1024;

/** As of `decodeFrame`, where the size is known. */
export type ExpectedStream = Pick<ExpectedText, "sha256" | "dictionary"> & { size: number };

/**
 * Decompresses a frame chunk by chunk, for one that is not to be held whole, and no further than the size expected.
 *
 * @returns whether all of it was what was expected
 * @throws zstd's errors; what `stored` throws
 */
export async function* decodeStream(
  stored: AsyncIterable<Uint8Array>,
  { size, sha256, dictionary }: ExpectedStream,
): AsyncGenerator<Uint8Array, boolean, void> {
  const decompressor = createZstdDecompress({
    chunkSize: Math.max(MIN_CHUNK_SIZE, Math.min(OUTPUT_CHUNK_SIZE, size + 1)),
    ...(dictionary === undefined ? {} : { dictionary }),
  });
  const fed = pipeline(stored, decompressor);
  // Its failure reaches the loop below through the decompressor.
  fed.catch(() => undefined);
  const digest = createHash("sha256");
  let bytes = 0;
  try {
    const content: AsyncIterable<Uint8Array> = decompressor;
    for await (const chunk of content) {
      bytes += chunk.byteLength;
      if (bytes > size) return false;
      digest.update(chunk);
      yield chunk;
    }
  } finally {
    decompressor.destroy();
    await fed.catch(() => undefined);
  }
  return bytes === size && digest.digest("hex") === sha256;
}

/** Whether a frame is what was expected, to the last byte. */
export async function isExpectedStream(
  stored: AsyncIterable<Uint8Array>,
  expected: ExpectedStream,
  signal: AbortSignal,
): Promise<boolean> {
  const text = decodeStream(stored, expected);
  try {
    for (let step = await text.next(); ; step = await text.next()) {
      signal.throwIfAborted();
      if (step.done === true) return step.value;
    }
  } catch (error) {
    if (isFromZstd(error)) return false;
    throw error;
  } finally {
    await text.return(false);
  }
}
