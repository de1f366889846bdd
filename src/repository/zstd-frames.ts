import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { headerFields } from "./zstd-header.ts";

/**
 * Decompresses a sequence of zstd frames.
 *
 * Node's own decompressor takes the end of the first frame for the end of all, silently dropping the rest, so each frame
 * gets a decompressor of its own. Where frames end is read from their block headers: RFC 8878, section 3.1.
 */

const FRAME_MAGIC = 0xfd2fb528;
/** The low four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;

const RLE_BLOCK = 1;

/** Bytes; larger than Node's own, for fewer turns between its threads and ours. */
const OUTPUT_CHUNK_SIZE = 256 * 1024;

/** The stream is not a whole sequence of zstd frames. */
export class ZstdFormatError extends Error {
  override readonly name = "ZstdFormatError";
}

/**
 * The content of all frames of `source`, in bounded memory.
 *
 * @throws ZstdFormatError where it is not zstd, is cut, or does not match a frame's checksum; and what `source` throws
 */
export async function* decompressFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new FrameReader(source);
  try {
    while (await reader.hasMore()) yield* decompressFrame(reader);
  } finally {
    await reader.close();
  }
}

async function* decompressFrame(reader: FrameReader): AsyncGenerator<Uint8Array, void, void> {
  const decompressor = createZstdDecompress({ chunkSize: OUTPUT_CHUNK_SIZE });
  const fed = pipeline(reader.frame(), decompressor);
  // Its failure reaches the loop below through the decompressor.
  fed.catch(() => undefined);
  const content: AsyncIterable<Uint8Array> = decompressor;
  try {
    yield* content;
  } catch (error) {
    throw isZstdError(error) ? new ZstdFormatError(error.message, { cause: error }) : error;
  } finally {
    decompressor.destroy();
    await fed.catch(() => undefined);
  }
}

function isZstdError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^(ZSTD_|ERR_ZSTD|Z_)/.test(error.code)
  );
}

/** Cuts a stream into frames. */
class FrameReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether the source has bytes after the last frame that was read. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.byteLength === 0) {
      const step = await this.#source.next();
      if (step.done === true) return false;
      this.#rest = step.value;
    }
    return true;
  }

  /** The bytes of the next frame, up to its end. */
  async *frame(): AsyncGenerator<Uint8Array, void, void> {
    const scanner = new FrameScanner();
    while (!scanner.ended) {
      if (!(await this.hasMore())) throw new ZstdFormatError("the last frame is cut");
      const length = scanner.scan(this.#rest);
      const bytes = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      yield bytes;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Bytes of what the scanner collects. */
const FIELD_SIZES = { magic: 4, descriptor: 1, block: 3, skippableSize: 4 } as const;

type Field = keyof typeof FIELD_SIZES;

/** Follows one frame's headers to its end, skipping what is in its blocks. */
class FrameScanner {
  #field: Field | "end" = "magic";
  /** The bytes of the field so far, little-endian. */
  #value = 0;
  #collected = 0;
  /** Bytes to pass over before the field. */
  #skip = 0;
  #hasChecksum = false;

  get ended(): boolean {
    return this.#field === "end" && this.#skip === 0;
  }

  /** @returns how many of the bytes belong to the frame */
  scan(bytes: Uint8Array): number {
    let offset = 0;
    while (offset < bytes.byteLength && !this.ended) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.byteLength - offset);
        this.#skip -= skipped;
        offset += skipped;
        continue;
      }
      this.#collect(bytes[offset] ?? 0);
      offset += 1;
    }
    return offset;
  }

  #collect(byte: number): void {
    this.#value += byte * 2 ** (8 * this.#collected);
    this.#collected += 1;
    if (this.#field === "end" || this.#collected < FIELD_SIZES[this.#field]) return;
    const value = this.#value;
    this.#value = 0;
    this.#collected = 0;
    this.#take(this.#field, value);
  }

  #take(field: Field, value: number): void {
    switch (field) {
      case "magic":
        if (value === FRAME_MAGIC) this.#field = "descriptor";
        else if (Math.floor(value / 16) === SKIPPABLE_MAGIC / 16) this.#field = "skippableSize";
        else throw new ZstdFormatError("there is something that is not a zstd frame");
        return;
      case "descriptor":
        this.#hasChecksum = (value & 0b100) !== 0;
        this.#skip = headerSize(value);
        this.#field = "block";
        return;
      case "block": {
        const type = (value >> 1) & 0b11;
        this.#skip = type === RLE_BLOCK ? 1 : value >> 3;
        if ((value & 1) === 0) return;
        if (this.#hasChecksum) this.#skip += 4;
        this.#field = "end";
        return;
      }
      case "skippableSize":
        this.#skip = value;
        this.#field = "end";
    }
  }
}

/** Bytes of a frame's header after its descriptor. */
function headerSize(descriptor: number): number {
  const { window, dictionaryId, contentSize } = headerFields(descriptor);
  return window + dictionaryId + contentSize;
}
