import { endOf, type BlockRange, type StoredBlock } from "../../repository/blocks/block-index.ts";
import type { TuplePosition } from "../../repository/blocks/tuple-position.ts";

/** A block that has rows, and the start of its range. */
export interface PlacedBlock extends StoredBlock {
  from: TuplePosition;
}

/** Frames that stand one after the other in one pack, to be read by one request. */
export interface Read {
  pack: string;
  /** Bytes from the pack's start; `end` is not part of it. */
  start: number;
  end: number;
  blocks: readonly PlacedBlock[];
}

/** Bytes of one request, unless a single frame is longer. Long enough that the wait for an answer does not count. */
export const MAX_READ_SIZE = 4 * 1024 * 1024;

/** Bytes of text that are decompressed in one piece, and checked before anybody sees them. */
const MAX_WHOLE_TEXT = 8 * 1024 * 1024;

/** Whether a block is too large to be held whole. Such a block is alone in its read. */
export function isStreamed({ size, frame }: Pick<PlacedBlock, "size" | "frame">): boolean {
  return Math.max(size, frame.length) > MAX_WHOLE_TEXT;
}

/** The blocks that have rows. */
export function placedBlocks(ranges: readonly BlockRange[]): PlacedBlock[] {
  return ranges.flatMap(({ from, block }) => (block === undefined ? [] : [{ ...block, from }]));
}

/**
 * Puts neighbours of one pack together into requests of at most `maxSize` bytes, keeping the order. A gap is not read over:
 * what stands in it belongs to others. Pure.
 */
export function planReads(blocks: readonly PlacedBlock[], maxSize = MAX_READ_SIZE): Read[] {
  const reads: Read[] = [];
  let open: (Read & { blocks: PlacedBlock[] }) | undefined;
  for (const block of blocks) {
    const { pack, offset } = block.frame;
    const end = endOf(block.frame);
    const isNeighbour = open?.pack === pack && open.end === offset;
    if (open !== undefined && isNeighbour && end - open.start <= maxSize && !isStreamed(block)) {
      open.end = end;
      open.blocks.push(block);
      continue;
    }
    const read = { pack, start: offset, end, blocks: [block] };
    reads.push(read);
    open = isStreamed(block) ? undefined : read;
  }
  return reads;
}
