import { BytesInFlight } from "../../bytes-in-flight.ts";
import { isDataopsError } from "../../errors.ts";
import { leaveToGarbage } from "../../garbage.ts";
import { together } from "../../parallel.ts";
import type { FrameReference, StoredBlock } from "../../repository/blocks/stored-block.ts";
import type { ExpectedText } from "../../repository/blocks/decode-frame.ts";
import { joinFrames, type Span } from "../../repository/blocks/join-frames.ts";
import type { PackReader } from "../../repository/blocks/pack-reader.ts";
import { countRows, isTextOf } from "./check-text.ts";
import type { StoredPacks } from "./stored-packs.ts";
import { blockKey, framesOf, inBatches, inSlices, isWholeText, type FrameGroup } from "./frame-groups.ts";

/** Batches at work at the same time. */
const CONCURRENCY = 3;
/** Bytes of frames in one batch. */
const MAX_BATCH_SIZE = 2 * 1024 * 1024;
/** Bytes that are held of what came from the storage, or is on its way. */
const MAX_IN_FLIGHT = 8 * 1024 * 1024;
/** Bytes between two frames that come sooner than the answer to another request. */
const MAX_GAP = 64 * 1024;
/** Bytes of a dictionary's text: what the format allows. */
const MAX_DICTIONARY_SIZE = 16 * 1024 * 1024;
/** Bytes of a dictionary's frame: what does not become smaller becomes larger by less than this. */
const MAX_DICTIONARY_LENGTH = MAX_DICTIONARY_SIZE + 1024 * 1024;

/** Why a block is not what it should be, and where that was seen. */
export interface BadBlock {
  frame: FrameReference;
  what: string;
}

export interface ReadFramesRequest {
  packs: PackReader;
  stored: StoredPacks;
  signal: AbortSignal;
}

/**
 * Reads every frame once, decompresses it, and checks what comes out: digest, length, number of rows. Memory stays flat.
 *
 * @returns the blocks that are not what their indexes say, by their keys
 * @throws what the storage throws, but for what says that a pack is missing or cut; after an abort: the signal's reason
 */
export async function readFrames(
  groups: readonly FrameGroup[],
  { packs, stored, signal }: ReadFramesRequest,
): Promise<Map<string, BadBlock>> {
  const reader = new GroupReader(packs, stored);
  const batches = inBatches(groups, MAX_BATCH_SIZE);
  await together(CONCURRENCY, signal, async (either) => {
    for (const batch of batches) {
      either.throwIfAborted();
      for (const group of batch.isLarge ? batch.groups : []) await reader.checkLarge(group, either);
      if (!batch.isLarge) await reader.check(batch.groups, either);
    }
  });
  return reader.bad;
}

/** The bytes of frames, by their keys; or why there are none. */
type Received = ReadonlyMap<string, Buffer | string>;

class GroupReader {
  readonly bad = new Map<string, BadBlock>();
  readonly #packs: PackReader;
  readonly #stored: StoredPacks;
  readonly #inFlight = new BytesInFlight(MAX_IN_FLIGHT);

  constructor(packs: PackReader, stored: StoredPacks) {
    this.#packs = packs;
    this.#stored = stored;
  }

  /** Several groups that fit into memory together. */
  async check(groups: readonly FrameGroup[], signal: AbortSignal): Promise<void> {
    await this.#withFrames(groups.flatMap(framesOf), signal, async (received) => {
      for (const group of groups) {
        const text = await this.#checkOwn(group, received, signal);
        if (text !== undefined) await this.#checkDeltas(group.deltas, text, received, signal);
      }
    });
  }

  /** A group of any size: a block that is larger than memory allows goes through in chunks, deltas come bit by bit. */
  async checkLarge(group: FrameGroup, signal: AbortSignal): Promise<void> {
    const isTooLarge = group.frame.length > MAX_DICTIONARY_LENGTH || longestOf(group) > MAX_DICTIONARY_SIZE;
    if (isTooLarge || (group.deltas.length === 0 && !group.blocks.every(isWholeText))) {
      for (const block of group.blocks) await this.#checkStream(block, undefined, signal);
      for (const delta of group.deltas) this.#note(delta, group.frame, "it is too large for a dictionary");
      return;
    }
    let text: Buffer | undefined;
    await this.#withFrames([group.frame], signal, async (received) => {
      text = await this.#checkOwn(group, received, signal);
    });
    if (text === undefined) return;
    const dictionary = text;
    for (const deltas of inSlices(group.deltas, MAX_BATCH_SIZE)) {
      const [only] = deltas;
      if (only !== undefined && !isWholeText(only)) {
        await this.#checkStream(only, dictionary, signal);
        continue;
      }
      const frames = deltas.map(({ frame }) => frame);
      await this.#withFrames(frames, signal, (received) =>
        this.#checkDeltas(deltas, dictionary, received, signal),
      );
    }
  }

  /** @returns the text of the group's own frame; undefined where that is bad, which is then noted */
  async #checkOwn(group: FrameGroup, received: Received, signal: AbortSignal): Promise<Buffer | undefined> {
    const { frame, sha256, blocks } = group;
    const maxSize = group.deltas.length > 0 ? MAX_DICTIONARY_SIZE : longestOf(group);
    const checks = { size: undefined, maxSize, sha256, dictionary: undefined };
    const text = await this.#decode(frame, checks, received, signal);
    if (typeof text === "string") {
      this.#allBad(group, text);
      return undefined;
    }
    for (const block of blocks) this.#checkText(block, text);
    return text;
  }

  async #checkDeltas(
    deltas: readonly StoredBlock[],
    dictionary: Buffer,
    received: Received,
    signal: AbortSignal,
  ): Promise<void> {
    for (const delta of deltas) {
      const { size, sha256 } = delta;
      const text = await this.#decode(
        delta.frame,
        { size, maxSize: size, sha256, dictionary },
        received,
        signal,
      );
      if (typeof text === "string") this.#note(delta, delta.frame, text);
      else this.#checkText(delta, text);
    }
  }

  #checkText(block: StoredBlock, text: Buffer): void {
    const rows = countRows(text);
    // A dictionary is needed for a while yet; most are none.
    leaveToGarbage(text.byteLength);
    if (text.byteLength === block.size && rows === block.rows) return;
    const found = `${rows} rows in ${text.byteLength} bytes`;
    this.#note(block, block.frame, `it holds ${found}; its index says ${block.rows} in ${block.size}`);
  }

  /** Once more where it is not right, as with whole frames: a bit may flip on the way. */
  async #checkStream(block: StoredBlock, dictionary: Buffer | undefined, signal: AbortSignal): Promise<void> {
    const { frame } = block;
    const lost = this.#stored.whyNot(frame);
    if (lost !== undefined) return this.#note(block, frame, lost);
    const isRight = async (): Promise<boolean> =>
      await isTextOf(this.#packs.stream(frame, signal), { ...block, dictionary }, signal);
    try {
      if ((await isRight()) || (await isRight())) return;
      this.#note(block, frame, WRONG);
    } catch (error) {
      this.#note(block, frame, reasonOf(error));
    }
  }

  /** @returns the text, or why there is none */
  async #decode(
    frame: FrameReference,
    expected: ExpectedText,
    received: Received,
    signal: AbortSignal,
  ): Promise<Buffer | string> {
    const stored = received.get(keyOf(frame));
    if (stored === undefined) throw new Error("a frame was not asked for");
    if (typeof stored === "string") return stored;
    try {
      return (await this.#packs.decode(stored, frame, expected, signal)) ?? WRONG;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Fetches frames, waiting for room for them, and gives the room back at the end of `work`. */
  async #withFrames(
    frames: readonly FrameReference[],
    signal: AbortSignal,
    work: (received: Received) => Promise<void>,
  ): Promise<void> {
    const received = new Map<string, Buffer | string>();
    for (const frame of frames) {
      const lost = this.#stored.whyNot(frame);
      if (lost !== undefined) received.set(keyOf(frame), lost);
    }
    const there = frames.filter((frame) => !received.has(keyOf(frame)));
    const wanted = there.reduce((sum, { length }) => sum + length, 0);
    const release = await this.#inFlight.take(wanted, signal);
    try {
      const spans = joinFrames(there, { maxGap: MAX_GAP, maxWaste: wanted / 4 });
      await Promise.all(spans.map((span) => this.#fetch(span, received, signal)));
      await work(received);
    } finally {
      release();
      leaveToGarbage(wanted);
    }
  }

  /** What cannot be read together is read frame by frame: of a pack that is cut, what comes before may be whole. */
  async #fetch(span: Span, received: Map<string, Buffer | string>, signal: AbortSignal): Promise<void> {
    const { pack, start, frames } = span;
    try {
      const content = await this.#packs.read(span, signal);
      for (const frame of frames) {
        const offset = frame.offset - start;
        received.set(keyOf(frame), content.subarray(offset, offset + frame.length));
      }
    } catch (error) {
      const reason = reasonOf(error);
      const [only] = frames;
      if (frames.length === 1 && only !== undefined) received.set(keyOf(only), reason);
      else {
        for (const frame of frames) {
          const alone = { pack, start: frame.offset, end: frame.offset + frame.length, frames: [frame] };
          await this.#fetch(alone, received, signal);
        }
      }
    }
  }

  #allBad({ frame, blocks, deltas }: FrameGroup, what: string): void {
    for (const block of blocks) this.#note(block, frame, what);
    for (const delta of deltas) this.#note(delta, frame, `the dictionary of its rows: ${what}`);
  }

  #note(block: StoredBlock, frame: FrameReference, what: string): void {
    this.bad.set(blockKey(block), { frame, what });
  }
}

const WRONG = "it is not what its index says";

/** What an error says of a pack that went away or was cut meanwhile. Everything else says nothing about the backup. */
function reasonOf(error: unknown): string {
  if (isDataopsError(error, "corrupt")) return error.message;
  throw error;
}

/** Bytes of the longest text that the group's own frame is said to hold. */
function longestOf({ blocks }: FrameGroup): number {
  return blocks.reduce((most, { size }) => Math.max(most, size), 0);
}

function keyOf({ pack, offset, length }: FrameReference): string {
  return `${pack} ${offset} ${length}`;
}
