import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";

/** Bytes; larger than Node's own, for fewer turns between its threads and ours. */
const OUTPUT_CHUNK_SIZE = 256 * 1024;

/**
 * Compresses a stream with zstd at `level` (1 to 22), in a thread of Node's, in bounded memory: `chunkSize` bytes
 * at a time.
 *
 * It is one frame with a checksum, and an empty source gives an empty frame. One frame, not several in parallel: Node's
 * decompressor takes the end of the first for the end of all, without an error.
 *
 * @throws what `source` throws
 */
export async function* compress(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  level: number,
  chunkSize = OUTPUT_CHUNK_SIZE,
): AsyncGenerator<Uint8Array, void, void> {
  const compressor = createZstdCompress({
    chunkSize,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  const fed = pipeline(source, compressor);
  // Its failure reaches the loop below through the compressor.
  fed.catch(() => undefined);
  const compressed: AsyncIterable<Uint8Array> = compressor;
  try {
    yield* compressed;
  } finally {
    compressor.destroy();
    await fed.catch(() => undefined);
  }
}
