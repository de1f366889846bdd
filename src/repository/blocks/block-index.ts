import { DataopsError } from "../../errors.ts";
import { PACK_NAME_PATTERN } from "../keys.ts";
import { formatPosition, parsePosition, type TuplePosition } from "./tuple-position.ts";

/**
 * The list of one table's blocks, as it is stored: one line for each range. `docs/format.md` has its grammar.
 *
 * It holds no digest of its own: whoever refers to it names the SHA-256 of its text.
 */

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

/** The place of the range's fingerprint, which nobody takes yet. */
const NO_FINGERPRINT = "-";
/** Two sums of 64 bits, hexadecimal. Read over until there is a use for it. */
const FINGERPRINT = /^(-|[0-9a-f]{16}\.[0-9a-f]{16})$/;
const SHA256 = /^[0-9a-f]{64}$/;
const FIELDS = 12;
/** Some 150 bytes each, of deltas 230. */
const LINES_PER_PIECE = 500;
/** Bytes of one block's text. Values of 1 GB in one row are the server's own limit. */
const MAX_BLOCK_SIZE = 2 ** 33;
/** Bytes; a frame of a pack. */
const MAX_OFFSET = 2 ** 46;

/** The text of an index, some lines at a time: that of 10 GB of deltas has 10 MB. */
export function* serializeBlockIndex(ranges: readonly BlockRange[]): Generator<Buffer, void, void> {
  for (let first = 0; first < ranges.length; first += LINES_PER_PIECE) {
    const piece = ranges.slice(first, first + LINES_PER_PIECE);
    yield Buffer.from(piece.map((range) => `${lineOf(range)}\n`).join(""));
  }
}

function lineOf({ from, block }: BlockRange): string {
  if (block === undefined) return emptyLine(from);
  const { rows, size, sha256, frame, base } = block;
  const dictionary = base === undefined ? "- - - -" : `${frameText(base.frame)} ${base.sha256}`;
  return `${formatPosition(from)} ${rows} ${size} ${sha256} ${NO_FINGERPRINT} ${frameText(frame)} ${dictionary}`;
}

function emptyLine(from: TuplePosition): string {
  return `${formatPosition(from)} 0 0 - ${NO_FINGERPRINT} - - - - - - -`;
}

function frameText({ pack, offset, length }: FrameReference): string {
  return `${pack} ${offset} ${length}`;
}

/**
 * Reads an index's text. `where` names it in errors.
 *
 * @throws DataopsError `corrupt` for anything that `serializeBlockIndex` would not have written
 */
export function parseBlockIndex(text: string, where: string): BlockRange[] {
  if (text === "") return [];
  if (!text.endsWith("\n")) throw corrupt(where, "its last line is cut");
  const ranges: BlockRange[] = [];
  const packs = new Map<string, string>();
  let previous = -1;
  for (const [index, line] of text.slice(0, -1).split("\n").entries()) {
    const range = parseLine(line, packs);
    const isFirst = index === 0;
    if (range === undefined || range.from <= previous || (isFirst && range.from !== 0)) {
      throw corrupt(where, `line ${index + 1} is not as expected`);
    }
    previous = range.from;
    ranges.push(range);
  }
  return ranges;
}

/** `packs`: the names that have come so far. */
function parseLine(line: string, packs: Map<string, string>): BlockRange | undefined {
  const fields = line.split(" ");
  if (fields.length !== FIELDS) return undefined;
  const [position = "", rows, size, sha256, fingerprint = "", ...rest] = fields;
  const from = parsePosition(position);
  if (from === undefined || !FINGERPRINT.test(fingerprint)) return undefined;
  if (line === emptyLine(from)) return { from, block: undefined };
  const rowCount = parseCount(rows, Number.MAX_SAFE_INTEGER);
  const textSize = parseCount(size, MAX_BLOCK_SIZE);
  const frame = parseFrame(rest.slice(0, 3), packs);
  if (!rowCount || !textSize || frame === undefined || !isDigest(sha256)) return undefined;
  const dictionary = rest.slice(3);
  const base = dictionary.every((field) => field === "-") ? undefined : parseBase(dictionary, packs);
  if (base === null) return undefined;
  return { from, block: { rows: rowCount, size: textSize, sha256: copyOf(sha256), frame, base } };
}

/** Null where it is none. */
function parseBase(fields: readonly string[], packs: Map<string, string>): StoredBlock["base"] | null {
  const frame = parseFrame(fields.slice(0, 3), packs);
  const digest = fields[3];
  if (frame === undefined || !isDigest(digest)) return null;
  return { frame, sha256: copyOf(digest) };
}

/** A part of a string keeps the whole alive: here a list of megabytes. */
function copyOf(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

function parseFrame(
  [name, offset, length]: readonly string[],
  packs: Map<string, string>,
): FrameReference | undefined {
  const pack = name === undefined ? undefined : knownPack(name, packs);
  const start = parseCount(offset, MAX_OFFSET);
  const bytes = parseCount(length, MAX_BLOCK_SIZE);
  if (pack === undefined || start === undefined || !bytes) return undefined;
  return { pack, offset: start, length: bytes };
}

/** One string for a name, however many frames are in the pack. Undefined for what no pack is called. */
function knownPack(name: string, packs: Map<string, string>): string | undefined {
  const known = packs.get(name);
  if (known !== undefined || !PACK_NAME_PATTERN.test(name)) return known;
  const copy = copyOf(name);
  packs.set(copy, copy);
  return copy;
}

function parseCount(text: string | undefined, most: number): number | undefined {
  if (text === undefined || !/^(0|[1-9]\d{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

function isDigest(text: string | undefined): text is string {
  return text !== undefined && SHA256.test(text);
}

function corrupt(where: string, what: string): DataopsError {
  return new DataopsError("corrupt", `${where} is corrupt: ${what}`, {
    hint: "restore an older backup (`dataops list`), and find out what wrote to the bucket",
  });
}
