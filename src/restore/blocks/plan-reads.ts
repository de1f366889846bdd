import type { BlockRange, FrameReference, StoredBlock } from "../../repository/blocks/block-index.ts";
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
export function placedBlocks(ranges: readonly BlockRange[]): PlacedBlock[] {
  return ranges.flatMap(({ from, block }) => (block === undefined ? [] : [{ ...block, from }]));
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
 * read once. Pure.
 */
export function planReads(blocks: readonly PlacedBlock[], maxSize = MAX_BATCH_SIZE): Batch[] {
  const batches: Batch[] = [];
  let open: PlacedBlock[] = [];
  let frames = new Map<string, FrameReference>();
  let size = 0;
  const close = (): void => {
    if (open.length === 0) return;
    const limits = { maxGap: MAX_GAP, maxWaste: size * MAX_WASTE_SHARE };
    batches.push({ blocks: open, spans: joinFrames([...frames.values()], limits) });
    open = [];
    frames = new Map();
    size = 0;
  };
  for (const block of blocks) {
    const isAlone = isStreamed(block);
    const needed = framesOf(block);
    const more = sizeOf(needed.filter((frame) => !frames.has(frameKey(frame))));
    if (isAlone || size + more > maxSize) close();
    open.push(block);
    for (const frame of needed) {
      const key = frameKey(frame);
      if (!frames.has(key)) size += frame.length;
      frames.set(key, frame);
    }
    if (isAlone) close();
  }
  close();
  return batches;
}

/** What has to be held for a block. */
function framesOf(block: PlacedBlock): FrameReference[] {
  return [
    ...(isStreamed(block) ? [] : [block.frame]),
    ...(block.base === undefined ? [] : [block.base.frame]),
  ];
}

function sizeOf(frames: readonly FrameReference[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}
