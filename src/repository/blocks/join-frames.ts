import { endOf, type FrameReference } from "./stored-block.ts";

/** A part of a pack that one request fetches, and the frames in it that somebody wants. */
export interface Span {
  pack: string;
  /** Bytes from the pack's start; `end` is not part of it. */
  start: number;
  end: number;
  /** In the order of their offsets, each once. */
  frames: readonly FrameReference[];
}

export interface JoinLimits {
  /** Bytes between two frames that are cheaper to read over than to ask anew. */
  maxGap: number;
  /** Bytes read over in all. */
  maxWaste: number;
}

/** Puts frames into as few requests as the limits allow, reading over the smallest gaps first. Pure. */
export function joinFrames(frames: readonly FrameReference[], { maxGap, maxWaste }: JoinLimits): Span[] {
  const pieces = inPackOrder(frames);
  const gaps: { index: number; bytes: number }[] = [];
  for (const [index, { pack, start }] of pieces.entries()) {
    const before = pieces[index - 1];
    const bytes = before?.pack === pack ? start - before.end : Infinity;
    if (bytes <= maxGap) gaps.push({ index, bytes });
  }
  const joined = new Set<number>();
  let waste = 0;
  for (const { index, bytes } of gaps.sort((one, other) => one.bytes - other.bytes)) {
    waste += bytes;
    if (waste > maxWaste) break;
    joined.add(index);
  }
  const spans: Piece[] = [];
  for (const [index, piece] of pieces.entries()) {
    const last = spans.at(-1);
    if (last === undefined || !joined.has(index)) {
      spans.push(piece);
      continue;
    }
    last.end = piece.end;
    last.frames.push(...piece.frames);
  }
  return spans;
}

interface Piece extends Span {
  frames: FrameReference[];
}

/** Each frame as a span of its own; those that lie over each other are one. */
function inPackOrder(frames: readonly FrameReference[]): Piece[] {
  const sorted = frames.toSorted(
    (one, other) => compare(one.pack, other.pack) || one.offset - other.offset || one.length - other.length,
  );
  const pieces: Piece[] = [];
  for (const frame of sorted) {
    const last = pieces.at(-1);
    const previous = last?.frames.at(-1);
    if (last === undefined || last.pack !== frame.pack || last.end <= frame.offset) {
      pieces.push({ pack: frame.pack, start: frame.offset, end: endOf(frame), frames: [frame] });
      continue;
    }
    last.end = Math.max(last.end, endOf(frame));
    if (previous?.offset !== frame.offset || previous.length !== frame.length) last.frames.push(frame);
  }
  return pieces;
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
