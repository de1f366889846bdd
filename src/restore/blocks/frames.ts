import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { endOf } from "../../repository/blocks/block-index.ts";
import { pageOf } from "../../repository/blocks/tuple-position.ts";
import { packKey } from "../../repository/keys.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import { corruptFrame, decodeFrame, isFromZstd } from "../../repository/blocks/decode-frame.ts";
import { isStreamed, type PlacedBlock, type Read } from "./plan-reads.ts";
import type { RecentTexts } from "./recent-texts.ts";

/** Bytes of a dictionary's text. Larger blocks are not worth a delta, and are not made into one. */
export const MAX_DICTIONARY_SIZE = 16 * 1024 * 1024;
/** Bytes of dictionaries that are kept for the next block, by all readers together. */
export const KEPT_DICTIONARIES = 16 * 1024 * 1024;
/** How often a frame is fetched before it is taken for corrupt: a bit may also flip on the way. */
const ATTEMPTS = 2;
/** Bytes; larger than Node's own, for fewer turns between its threads and ours. */
const OUTPUT_CHUNK_SIZE = 256 * 1024;

export interface FrameSource {
  storage: Storage;
  /** The database's name in the configuration, whose packs these are. */
  database: string;
  /** Blocks that were dictionaries a moment ago. */
  dictionaries: RecentTexts;
  /** Told the bytes as they come from the storage. */
  onReceived?: ((bytes: number) => void) | undefined;
}

/** What a request brought; undefined where its one frame is too large to be held, and is read as a stream. */
export type Received = Buffer | undefined;

/** Reads blocks from packs. For one table at a time, as it names the table in errors. */
export class FrameReader {
  readonly #source: FrameSource;
  readonly #table: string;

  constructor(source: FrameSource, table: string) {
    this.#source = source;
    this.#table = table;
  }

  /** Begins a read: fetches its bytes, where they can be held. */
  async receive(read: Read, signal: AbortSignal): Promise<Received> {
    const [block] = read.blocks;
    if (block !== undefined && isStreamed(block)) return undefined;
    return await this.#fetch(read.pack, read.start, read.end, signal);
  }

  /**
   * The text of all blocks of a read, in order. A block of up to 8 MB comes checked; a larger one in chunks, and fails at
   * its end where it was not what it should be: nothing may be kept of it before all has come.
   *
   * @throws DataopsError `corrupt` naming the pack, the table and the page; what the storage throws
   */
  async *texts(read: Read, received: Received, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    for (const block of read.blocks) {
      signal.throwIfAborted();
      if (received === undefined) {
        yield* this.#stream(block, signal);
        continue;
      }
      const start = block.frame.offset - read.start;
      yield await this.#decode(block, received.subarray(start, start + block.frame.length), signal);
    }
  }

  async #decode(block: PlacedBlock, stored: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const dictionary = await this.#dictionary(block, signal);
    const expected = { size: block.size, maxSize: block.size, sha256: block.sha256, dictionary };
    const text = await decodeFrame(stored, expected);
    if (text !== undefined) return text;
    const { pack, offset } = block.frame;
    const again = await decodeFrame(await this.#fetch(pack, offset, endOf(block.frame), signal), expected);
    if (again === undefined) throw corruptFrame(pack, offset, this.#describe(block));
    return again;
  }

  /** Checks while it passes on: memory does not grow with the block. */
  async *#stream(block: PlacedBlock, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { pack, offset } = block.frame;
    const dictionary = await this.#dictionary(block, signal);
    const decompressor = createZstdDecompress({
      chunkSize: OUTPUT_CHUNK_SIZE,
      ...(dictionary === undefined ? {} : { dictionary }),
    });
    const stored = await this.#open(pack, offset, endOf(block.frame), signal);
    const fed = pipeline(stored, decompressor);
    // Its failure reaches the loop below through the decompressor.
    fed.catch(() => undefined);
    const digest = createHash("sha256");
    let size = 0;
    try {
      const content: AsyncIterable<Uint8Array> = decompressor;
      for await (const chunk of content) {
        size += chunk.byteLength;
        if (size > block.size) break;
        digest.update(chunk);
        yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw isFromZstd(error) ? corruptFrame(pack, offset, this.#describe(block), error) : error;
    } finally {
      decompressor.destroy();
      await fed.catch(() => undefined);
    }
    if (size !== block.size || digest.digest("hex") !== block.sha256) {
      throw corruptFrame(pack, offset, this.#describe(block));
    }
  }

  async #dictionary({ base, from }: PlacedBlock, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (base === undefined) return undefined;
    const kept = this.#source.dictionaries.get(base.sha256);
    if (kept !== undefined) return kept;
    const { pack, offset } = base.frame;
    const expected = {
      size: undefined,
      maxSize: MAX_DICTIONARY_SIZE,
      sha256: base.sha256,
      dictionary: undefined,
    };
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const stored = await this.#fetch(pack, offset, endOf(base.frame), signal);
      const text = await decodeFrame(stored, expected);
      if (text === undefined) continue;
      this.#source.dictionaries.add(base.sha256, text);
      return text;
    }
    throw corruptFrame(
      pack,
      offset,
      `the dictionary of the rows of ${this.#table} from page ${pageOf(from)} is not what its index says`,
    );
  }

  async #fetch(pack: string, start: number, end: number, signal: AbortSignal): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await this.#open(pack, start, end, signal)) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    if (content.byteLength === end - start) return content;
    throw corruptFrame(pack, start, `it has ${content.byteLength} of ${end - start} bytes there`);
  }

  async #open(
    pack: string,
    start: number,
    end: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { storage, database, onReceived } = this.#source;
    try {
      const content = await storage.get(packKey(database, pack), { range: { start, end }, signal });
      return counted(content, onReceived);
    } catch (error) {
      if (isStorageError(error, "not-found")) {
        throw corruptFrame(pack, start, `it is missing, and has rows of ${this.#table}`, error);
      }
      throw error;
    }
  }

  #describe({ from }: PlacedBlock): string {
    return `the rows of ${this.#table} from page ${pageOf(from)} are not what its index says`;
  }
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  onReceived: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of content) {
    onReceived?.(chunk.byteLength);
    yield chunk;
  }
}
