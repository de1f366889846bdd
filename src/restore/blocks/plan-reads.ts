import type { BlockRange, FrameReference, StoredBlock } from "../../repository/blocks/stored-block.ts";
import { joinFrames, type Span } from "../../repository/blocks/join-frames.ts";
import type { TuplePosition } from "../../repository/blocks/tuple-position.ts";

/** A block that has rows, and the start of its range. */
export interface PlacedBlock extends StoredBlock {
  from: TuplePosition;
}

/** Consecutive blocks, and all that has to be read for them, dictionaries too: requests that go out together. */
export interface Batch {
  blocks: readonly PlacedBlock[];
  spans: readonly Span[];
}

/** Bytes of frames in one batch, unless one block needs more. Long enough that the wait for an answer does not count. */
const MAX_BATCH_SIZE = 2 * 1024 * 1024;
/** Bytes that come sooner than the answer to another request. */
const MAX_GAP = 256 * 1024;
/** Bytes read over, for each byte that is wanted. */
const MAX_WASTE_SHARE = 0.5;

/** Bytes of text that are decompressed in one piece, and checked before anybody sees them. */
const MAX_WHOLE_TEXT = 8 * 1024 * 1024;

/** Whether a block is too large to be held whole. Such a block is alone in its batch, and its own frame in no span. */
export function isStreamed({ size, frame }: Pick<PlacedBlock, "size" | "frame">): boolean {
  return Math.max(size, frame.length) > MAX_WHOLE_TEXT;
}

/** The blocks that have rows. */
export function* placedBlocks(ranges: Iterable<BlockRange>): Generator<PlacedBlock, void, void> {
  for (const { from, block } of ranges) {
    if (block !== undefined) yield { ...block, from };
  }
}

/** Bytes of what the requests of a batch bring. */
export function sizeOfBatch({ spans }: Batch): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** What tells a frame from all others. */
export function frameKey({ pack, offset, length }: FrameReference): string {
  return `${pack} ${offset} ${length}`;
}

/**
 * Cuts blocks into batches, keeping the order, and plans each one's requests. A frame that several blocks of a batch need is
 * read once.
 */
export function* planReads(
  blocks: Iterable<PlacedBlock>,
  maxSize = MAX_BATCH_SIZE,
): Generator<Batch, void, void> {
  let open = new OpenBatch();
  for (const block of blocks) {
    const isAlone = isStreamed(block);
    if (!open.isEmpty && (isAlone || open.sizeWith(block) > maxSize)) {
      yield open.plan();
      open = new OpenBatch();
    }
    open.add(block);
    if (!isAlone) continue;
    yield open.plan();
    open = new OpenBatch();
  }
  if (!open.isEmpty) yield open.plan();
}

class OpenBatch {
  readonly #blocks: PlacedBlock[] = [];
  readonly #frames = new Map<string, FrameReference>();
  /** Bytes of the frames. */
  #size = 0;

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  sizeWith(block: PlacedBlock): number {
    const more = framesOf(block).filter((frame) => !this.#frames.has(frameKey(frame)));
    return more.reduce((sum, { length }) => sum + length, this.#size);
  }

  add(block: PlacedBlock): void {
    this.#blocks.push(block);
    for (const frame of framesOf(block)) {
      const key = frameKey(frame);
      if (!this.#frames.has(key)) this.#size += frame.length;
      this.#frames.set(key, frame);
    }
  }

  plan(): Batch {
    const limits = { maxGap: MAX_GAP, maxWaste: this.#size * MAX_WASTE_SHARE };
    return { blocks: this.#blocks, spans: joinFrames([...this.#frames.values()], limits) };
  }
}

/** What has to be held for a block. */
function framesOf(block: PlacedBlock): FrameReference[] {
  return [
    ...(isStreamed(block) ? [] : [block.frame]),
    ...(block.base === undefined ? [] : [block.base.frame]),
  ];
}
