import type { TransformOptions } from "node:stream";
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";
import { free, leaveToGarbage } from "../../garbage.ts";
import { Pool } from "../../pool.ts";

/** Contexts of zstd, and texts that are compressed at once: libuv has as many threads, however many cores there are. */
const CONTEXTS = 4;

/** Bytes of what Node puts frames into, one behind the other, until it is full. */
const CHUNK_SIZE = 512 * 1024;

/** Bytes of a text; more would wait for a reader who comes at its end only. */
const MAX_TEXT_SIZE = 4 * 1024 * 1024;

/** Bytes by which a frame may be longer than its text: zstd's bound for any text, generously. */
const MAX_OVERHEAD = 64 * 1024;

/**
 * Compresses whole texts to frames of zstd, in contexts that are used again.
 *
 * A context of one's own for each text is made and given back in whichever thread comes: with blocks of 256 KB that takes
 * half as much processor time again, and malloc, which gives little back, grows by 60 MB.
 */
export class BlockCompressor {
  readonly #contexts: Pool<CompressionContext>;
  readonly #made: CompressionContext[] = [];

  /** `level`: zstd's. */
  constructor(level: number) {
    this.#contexts = new Pool(CONTEXTS, () => {
      const context = new CompressionContext(level);
      this.#made.push(context);
      return context;
    });
  }

  /**
   * Compresses a text, and gives what `use` makes of the frame, whose bytes are gone when that is done.
   *
   * @throws what `use` throws
   */
  async compress<T>(text: Uint8Array, use: (frame: Uint8Array) => Promise<T>): Promise<T> {
    const context = await this.#contexts.acquire();
    try {
      return await context.compress(text, use);
    } finally {
      this.#contexts.release(context);
    }
  }

  /** Gives back the contexts. Nothing may be under way. */
  [Symbol.dispose](): void {
    for (const context of this.#made) context.dispose();
  }
}

/** For one text at a time. */
class CompressionContext {
  readonly #stream: ZstdCompress;
  /** The last frame: more may be put behind it. */
  #last: Uint8Array | undefined;

  constructor(level: number) {
    const buffering: TransformOptions = { readableHighWaterMark: MAX_TEXT_SIZE + MAX_OVERHEAD };
    this.#stream = createZstdCompress({
      ...buffering,
      // Each write is a frame; and as zstd is told its end with its beginning, the frame says how long the text is.
      flush: constants.ZSTD_e_end,
      chunkSize: CHUNK_SIZE,
      params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    });
  }

  async compress<T>(text: Uint8Array, use: (frame: Uint8Array) => Promise<T>): Promise<T> {
    const frame = await this.#frameOf(text);
    const used = await use(frame);
    // A frame in other memory than the last one: that is full.
    if (this.#last !== undefined && this.#last.buffer !== frame.buffer) free(this.#last);
    if (frame.byteLength > CHUNK_SIZE) leaveToGarbage(frame.byteLength);
    this.#last = frame;
    return used;
  }

  dispose(): void {
    this.#stream.destroy();
  }

  async #frameOf(text: Uint8Array): Promise<Uint8Array> {
    if (text.byteLength > MAX_TEXT_SIZE) throw new Error(`a text of ${text.byteLength} bytes is too long`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#stream.once("error", reject);
    this.#stream.write(text, (error) => (error ? reject(error) : resolve()));
    await promise;
    this.#stream.off("error", reject);
    const frame: Uint8Array | null = this.#stream.read();
    if (frame === null) throw new Error("zstd gave no frame");
    return frame;
  }
}
