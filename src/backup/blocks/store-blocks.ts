import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import type { FrameReference, StoredBlock, TextDigest } from "../../repository/blocks/stored-block.ts";
import { compress } from "../compress.ts";
import type { Base } from "./base.ts";
import type { HeldText } from "./block-text.ts";
import type { ByteQueue } from "./byte-queue.ts";
import { free } from "../../garbage.ts";
import { BlockCompressor } from "./block-compressor.ts";
import { MAX_DICTIONARY_SIZE, type Dictionaries, type FullBlock } from "./dictionaries.ts";
import type { PackWriter } from "./pack-writer.ts";

const compressWhole = promisify(zstdCompress);

/** zstd's level for deltas: at 1 it finds next to nothing in a dictionary of this size, and at 3 half as much again. */
const DELTA_LEVEL = 6;
const DELTA_PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: DELTA_LEVEL,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** Bytes of the longest text, and of the longest dictionary, that `SHORT_DELTA_PARAMETERS` are good for. */
const LONGEST_SHORT = 320 * 1024;

/**
 * Half of the table that the level has, for deltas that are hardly longer: it has to be made and cleared for each text. In
 * half of that again, or with blocks twice as long, rows with sums in them push each other out of the table.
 * `docs/adr/0011-blocks.md` has the numbers.
 */
const SHORT_DELTA_PARAMETERS = {
  ...DELTA_PARAMETERS,
  [constants.ZSTD_c_hashLog]: 18,
  // Text and dictionary.
  [constants.ZSTD_c_windowLog]: 20,
};

/** Bytes that a delta is put into: nearly always enough, and more than Node takes out of memory that others use, too. */
const DELTA_CHUNK_SIZE = 128 * 1024;

/** A delta may be this share of its dictionary's frame; beyond, the block is stored as itself, for others to refer to. */
const LARGEST_DELTA = 1 / 4;

/** Stores blocks in the way that takes the fewest bytes: not at all, as what changed, or whole. */
export class BlockStore {
  readonly #packs: PackWriter;
  readonly #base: Base;
  readonly #dictionaries: Dictionaries;
  readonly #compressionLevel: number;
  readonly #compressor: BlockCompressor;

  constructor(from: { packs: PackWriter; base: Base; dictionaries: Dictionaries; compressionLevel: number }) {
    this.#packs = from.packs;
    this.#base = from.base;
    this.#dictionaries = from.dictionaries;
    this.#compressionLevel = from.compressionLevel;
    this.#compressor = new BlockCompressor(from.compressionLevel);
  }

  /** Gives back what texts are compressed in. Nothing may be under way. */
  [Symbol.dispose](): void {
    this.#compressor[Symbol.dispose]();
  }

  /** The block that the storage has of a text; undefined where it is not there. */
  find({ rows, size, sha256 }: TextDigest): StoredBlock | undefined {
    const stored = this.#base.blocks.get(sha256);
    if (stored?.rows !== rows || stored.size !== size) return undefined;
    return stored;
  }

  /**
   * Stores a text that is not there yet. `earlier` is what the last backup has of the same range.
   *
   * @throws as `PackWriter.append`
   */
  async store(
    { text, sha256 }: Pick<HeldText, "text" | "sha256">,
    rows: number,
    earlier: StoredBlock | undefined,
  ): Promise<StoredBlock> {
    const size = text.byteLength;
    const dictionary = this.#dictionaryFor(size, earlier);
    const delta = dictionary === undefined ? undefined : await this.#storeDelta(text, dictionary);
    if (delta !== undefined) return { rows, size, sha256, frame: delta, base: dictionary };
    const frame = await this.#compressor.compress(text, (compressed) =>
      this.#packs.append([compressed], Promise.resolve({ rows, size, sha256 })),
    );
    return { rows, size, sha256, frame, base: undefined };
  }

  /** Stores a text that is too long to be held, as it comes; `digest` says what it was, once it has come. */
  async storeStream(text: ByteQueue, digest: Promise<TextDigest>): Promise<StoredBlock> {
    const frame = await this.#packs.append(compress(text, this.#compressionLevel), digest);
    return { ...(await digest), frame, base: undefined };
  }

  /** The block to compress with: always one that is stored as itself, so that two frames at most are read for one. */
  #dictionaryFor(size: number, earlier: StoredBlock | undefined): FullBlock | undefined {
    if (earlier === undefined || size > MAX_DICTIONARY_SIZE) return undefined;
    // What a delta was compressed with was no larger.
    if (earlier.base === undefined && earlier.size > MAX_DICTIONARY_SIZE) return undefined;
    const { frame, sha256 } = earlier.base ?? earlier;
    if (!this.#base.packs.has(frame.pack)) return undefined;
    return { frame, sha256 };
  }

  /** Undefined where it would not be small enough, or the dictionary cannot be had. */
  async #storeDelta(text: Buffer, block: FullBlock): Promise<FrameReference | undefined> {
    const dictionary = await this.#dictionaries.read(block);
    if (dictionary === undefined) return undefined;
    const isShort = Math.max(text.byteLength, dictionary.byteLength) <= LONGEST_SHORT;
    const params = isShort ? SHORT_DELTA_PARAMETERS : DELTA_PARAMETERS;
    const delta = await compressWhole(text, { params, dictionary, chunkSize: DELTA_CHUNK_SIZE });
    free(dictionary);
    const isWorthIt = delta.byteLength <= block.frame.length * LARGEST_DELTA;
    const frame = isWorthIt ? await this.#packs.append([delta]) : undefined;
    free(delta);
    return frame;
  }
}
