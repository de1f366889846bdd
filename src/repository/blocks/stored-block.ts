import type { TuplePosition } from "./tuple-position.ts";

/** Where a frame is: in which pack, from which byte, how long. */
export interface FrameReference {
  pack: string;
  /** Bytes from the pack's start. */
  offset: number;
  /** Bytes as stored. */
  length: number;
}

/** The byte behind a frame. */
export function endOf({ offset, length }: FrameReference): number {
  return offset + length;
}

/** A stored block's content. */
export interface StoredBlock {
  rows: number;
  /** Bytes of text. */
  size: number;
  /** Of the text, hexadecimal. */
  sha256: string;
  frame: FrameReference;
  /** The block that is the frame's dictionary, which is stored as itself; undefined for a block that is. */
  base: { frame: FrameReference; sha256: string } | undefined;
}

/** What tells one text from another. */
export type TextDigest = Pick<StoredBlock, "rows" | "size" | "sha256">;

/** One range of a table. It ends where the next one begins; the last one has no end. */
export interface BlockRange {
  from: TuplePosition;
  /** Undefined where the range has no rows. */
  block: StoredBlock | undefined;
}
