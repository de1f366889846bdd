import { endOf, type FrameReference } from "../../repository/blocks/stored-block.ts";
import { corruptFrame, isFromZstd, type ExpectedText } from "../../repository/blocks/decode-frame.ts";
import { free, leaveToGarbage } from "../../garbage.ts";
import type { PackReader } from "../../repository/blocks/pack-reader.ts";
import { pageOf } from "../../repository/blocks/tuple-position.ts";
import { decodeStream, isExpectedStream } from "../../repository/blocks/decode-stream.ts";
import { frameKey, isStreamed, type Batch, type PlacedBlock } from "./plan-reads.ts";
import type { BorrowedText, RecentTexts } from "./recent-texts.ts";

/** Bytes of a dictionary's text. Larger blocks are not worth a delta, and are not made into one. */
const MAX_DICTIONARY_SIZE = 16 * 1024 * 1024;
/** Bytes of a dictionary's frame: what does not become smaller becomes larger by less than this. */
const MAX_DICTIONARY_LENGTH = MAX_DICTIONARY_SIZE + 1024 * 1024;
/**
 * Bytes of dictionaries that are kept for the next block, by all readers together: a range that was cut has several blocks
 * of one dictionary, all others have one.
 */
export const KEPT_DICTIONARIES = 4 * 1024 * 1024;

/** What the requests of a batch brought. */
export interface Received {
  /** By their keys. */
  frames: ReadonlyMap<string, Buffer>;
  /** Gives the memory back. Nobody may be reading a frame, or do so after. */
  release: () => void;
}

/** A block, or a part of one. */
export interface Text {
  bytes: Uint8Array;
  /** Gives the memory back. Nobody may look at the bytes after. */
  release: () => void;
}

/** Reads batches of blocks. For one table at a time, as it names the table in errors. */
export class BatchReader {
  readonly #packs: PackReader;
  readonly #dictionaries: RecentTexts;
  readonly #table: string;

  /** `dictionaries`: blocks that were dictionaries a moment ago. */
  constructor(packs: PackReader, dictionaries: RecentTexts, table: string) {
    this.#packs = packs;
    this.#dictionaries = dictionaries;
    this.#table = table;
  }

  /** Sends all requests of a batch at once, and waits for what they bring. */
  async receive({ blocks, spans }: Batch, signal: AbortSignal): Promise<Received> {
    for (const { base, from } of blocks) {
      if (base !== undefined && base.frame.length > MAX_DICTIONARY_LENGTH) {
        throw corruptFrame(base.frame.pack, base.frame.offset, `${this.#dictionaryName(from)} is too large`);
      }
    }
    const frames = new Map<string, Buffer>();
    const contents = await Promise.all(
      spans.map(async (span) => {
        const content = await this.#packs.read(span, signal);
        for (const frame of span.frames) {
          frames.set(frameKey(frame), content.subarray(frame.offset - span.start, endOf(frame) - span.start));
        }
        return content;
      }),
    );
    return { frames, release: () => contents.forEach(free) };
  }

  /**
   * The text of all blocks of a batch, in order. A block of up to 8 MB comes checked; a larger one in chunks, and fails at
   * its end where it was not what it should be: nothing may be kept of it before all has come.
   *
   * @throws DataopsError `corrupt` naming the pack, the table and the page; what the storage throws
   */
  async *texts(
    { blocks }: Batch,
    { frames }: Received,
    signal: AbortSignal,
  ): AsyncGenerator<Text, void, void> {
    for (const block of blocks) {
      signal.throwIfAborted();
      const dictionary = await this.#dictionary(block, frames, signal);
      try {
        if (isStreamed(block)) yield* this.#stream(block, dictionary?.bytes, signal);
        else yield await this.#whole(block, dictionary?.bytes, frames, signal);
      } finally {
        dictionary?.release();
      }
    }
  }

  async #whole(
    { frame, from, size, sha256 }: PlacedBlock,
    dictionary: Uint8Array | undefined,
    frames: Received["frames"],
    signal: AbortSignal,
  ): Promise<Text> {
    const expected = { size, maxSize: size, sha256, dictionary };
    const text = await this.#packs.decode(storedIn(frames, frame), frame, expected, signal);
    if (text === undefined) throw this.#corrupt(frame, from);
    return { bytes: text, release: () => free(text) };
  }

  /** Checks while it passes on, so that memory does not grow with the block: what the cache has is checked before. */
  async *#stream(
    { frame, from, size, sha256 }: PlacedBlock,
    dictionary: Uint8Array | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Text, void, void> {
    const expected = { size, sha256, dictionary };
    const isCached = await isExpectedStream(this.#packs.streamCached(frame), expected, signal);
    const stored = isCached ? this.#packs.streamCached(frame) : this.#packs.stream(frame, signal);
    try {
      if (yield* asTexts(decodeStream(stored, expected))) return;
    } catch (error) {
      signal.throwIfAborted();
      throw isFromZstd(error) ? this.#corrupt(frame, from, error) : error;
    }
    throw this.#corrupt(frame, from);
  }

  async #dictionary(
    { base, from }: PlacedBlock,
    frames: Received["frames"],
    signal: AbortSignal,
  ): Promise<BorrowedText | undefined> {
    if (base === undefined) return undefined;
    const kept = this.#dictionaries.borrow(base.sha256);
    if (kept !== undefined) return kept;
    const { frame, sha256 } = base;
    const expected: ExpectedText = {
      size: undefined,
      maxSize: MAX_DICTIONARY_SIZE,
      sha256,
      dictionary: undefined,
    };
    const text = await this.#packs.decode(storedIn(frames, frame), frame, expected, signal);
    if (text === undefined) {
      throw corruptFrame(
        frame.pack,
        frame.offset,
        `${this.#dictionaryName(from)} is not what its index says`,
      );
    }
    return this.#dictionaries.add(sha256, text);
  }

  #corrupt({ pack, offset }: FrameReference, from: number, cause?: unknown): Error {
    const what = `the rows of ${this.#table} from page ${pageOf(from)} are not what its index says`;
    return corruptFrame(pack, offset, what, cause);
  }

  #dictionaryName(from: number): string {
    return `the dictionary of the rows of ${this.#table} from page ${pageOf(from)}`;
  }
}

/** A chunk of a stream may share its memory with the next one. */
async function* asTexts(
  chunks: AsyncGenerator<Uint8Array, boolean, void>,
): AsyncGenerator<Text, boolean, void> {
  try {
    for (let step = await chunks.next(); ; step = await chunks.next()) {
      if (step.done === true) return step.value;
      const bytes = step.value;
      yield { bytes, release: () => leaveToGarbage(bytes.byteLength) };
    }
  } finally {
    await chunks.return(false);
  }
}

function storedIn(frames: Received["frames"], frame: FrameReference): Buffer {
  const stored = frames.get(frameKey(frame));
  if (stored === undefined) throw new Error("a frame is in no span of its batch");
  return stored;
}
