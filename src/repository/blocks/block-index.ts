import { DataopsError } from "../../errors.ts";
import { PACK_NAME_PATTERN } from "../keys.ts";
import { BlockList } from "./block-list.ts";
import type { BlockRange, FrameReference, StoredBlock } from "./stored-block.ts";
import { formatPosition, parsePosition, type TuplePosition } from "./tuple-position.ts";

/**
 * The list of one table's blocks, as it is stored: one line for each range. `docs/format.md` has its grammar.
 *
 * It holds no digest of its own: whoever refers to it names the SHA-256 of its text.
 */

/** The place of the range's fingerprint, which nobody takes yet. */
const NO_FINGERPRINT = "-";
/** Two sums of 64 bits, hexadecimal. Read over until there is a use for it. */
const FINGERPRINT = /^(-|[0-9a-f]{16}\.[0-9a-f]{16})$/;
const SHA256 = /^[0-9a-f]{64}$/;
const FIELDS = 12;
const LINE_END = 0x0a;
/** Bytes; the longest numbers and names make half of it. */
const MAX_LINE_LENGTH = 1024;
/** Some 150 bytes each, of deltas 230. */
const LINES_PER_PIECE = 100;
/** Bytes of one block's text. Values of 1 GB in one row are the server's own limit. */
const MAX_BLOCK_SIZE = 2 ** 33;
/** Bytes; a frame of a pack. */
const MAX_OFFSET = 2 ** 46;

/** The text of an index, some lines at a time: that of 10 GB of deltas has 10 MB. */
export function* serializeBlockIndex(ranges: Iterable<BlockRange>): Generator<Buffer, void, void> {
  let lines: string[] = [];
  for (const range of ranges) {
    lines.push(`${lineOf(range)}\n`);
    if (lines.length < LINES_PER_PIECE) continue;
    yield Buffer.from(lines.join(""));
    lines = [];
  }
  if (lines.length > 0) yield Buffer.from(lines.join(""));
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
 * Reads an index's text as it comes. `where` names it in errors.
 *
 * @throws DataopsError `corrupt` for anything that `serializeBlockIndex` would not have written; what `text` throws
 */
export async function parseBlockIndex(
  text: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  where: string,
): Promise<BlockList> {
  const ranges = new BlockList();
  let previous = -1;
  let problem: DataopsError | undefined;
  for await (const line of linesOf(text)) {
    // To its end all the same: if it is not the text that was written, who gives it knows more.
    if (problem !== undefined) continue;
    const range = parseLine(line);
    if (range === undefined || range.from <= previous || (ranges.length === 0 && range.from !== 0)) {
      problem = corrupt(where, `line ${ranges.length + 1} is not as expected`);
      continue;
    }
    previous = range.from;
    ranges.push(range);
  }
  if (problem !== undefined) throw problem;
  return ranges;
}

/** Each with its end; the last one may have none. What is too long for a line comes in pieces. */
async function* linesOf(
  text: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const chunk of text) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let start = 0; start < bytes.byteLength;) {
      const end = bytes.indexOf(LINE_END, start) + 1 || bytes.byteLength;
      // Whatever is not ASCII is not as expected, either.
      const line = rest + bytes.toString("latin1", start, end);
      const isWhole = line.endsWith("\n") || line.length > MAX_LINE_LENGTH;
      if (isWhole) yield line;
      rest = isWhole ? "" : line;
      start = end;
    }
  }
  if (rest !== "") yield rest;
}

function parseLine(text: string): BlockRange | undefined {
  if (!text.endsWith("\n")) return undefined;
  const line = text.slice(0, -1);
  const fields = line.split(" ");
  if (fields.length !== FIELDS) return undefined;
  const [position = "", rows, size, sha256, fingerprint = "", ...rest] = fields;
  const from = parsePosition(position);
  if (from === undefined || !FINGERPRINT.test(fingerprint)) return undefined;
  if (line === emptyLine(from)) return { from, block: undefined };
  const rowCount = parseCount(rows, Number.MAX_SAFE_INTEGER);
  const textSize = parseCount(size, MAX_BLOCK_SIZE);
  const frame = parseFrame(rest.slice(0, 3));
  if (!rowCount || !textSize || frame === undefined || !isDigest(sha256)) return undefined;
  const dictionary = rest.slice(3);
  const base = dictionary.every((field) => field === "-") ? undefined : parseBase(dictionary);
  if (base === null) return undefined;
  return { from, block: { rows: rowCount, size: textSize, sha256, frame, base } };
}

/** Null where it is none. */
function parseBase(fields: readonly string[]): StoredBlock["base"] | null {
  const frame = parseFrame(fields.slice(0, 3));
  const digest = fields[3];
  if (frame === undefined || !isDigest(digest)) return null;
  return { frame, sha256: digest };
}

function parseFrame([pack = "", offset, length]: readonly string[]): FrameReference | undefined {
  const start = parseCount(offset, MAX_OFFSET);
  const bytes = parseCount(length, MAX_BLOCK_SIZE);
  if (!PACK_NAME_PATTERN.test(pack) || start === undefined || !bytes) return undefined;
  return { pack, offset: start, length: bytes };
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
