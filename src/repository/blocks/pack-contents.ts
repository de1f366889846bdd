import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { DataopsError } from "../../errors.ts";
import type { Storage } from "../../storage/storage.ts";
import { packKey } from "../keys.ts";
import { readWhole } from "../read-whole.ts";
import type { TextDigest } from "./stored-block.ts";

/**
 * What a pack says of itself at its end: which blocks are in it. `docs/format.md` has it to the byte.
 *
 * It is for packs that no manifest names: of a run that was killed. All others are read by their manifests alone.
 */

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** A block in the pack that is stored as itself. */
export type PackedBlock = TextDigest & { offset: number; length: number };

/** Zstandard's: any of 0x184D2A50 to 0x184D2A5F begins a frame that decoders pass over. */
const SKIPPABLE_MAGIC = 0x184d2a5e;
const HEADER_SIZE = 8;
const FOOTER_SIZE = 4;
/** Bytes read from a pack's end at first: the contents of some 1,000 blocks. */
const FIRST_READ = 64 * 1024;
/** Bytes, of the frame and decompressed: no pack has so many blocks. */
const MAX_SIZE = 64 * 1024 * 1024;

const LINE = /^([0-9a-f]{64}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/;

/** The bytes to put at a pack's end. */
export async function serializePackContents(blocks: readonly PackedBlock[]): Promise<Buffer> {
  const lines = blocks.map(
    ({ sha256, rows, size, offset, length }) => `${sha256} ${rows} ${size} ${offset} ${length}\n`,
  );
  const text = await compress(Buffer.from(lines.join("")), {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
  });
  const frame = Buffer.alloc(HEADER_SIZE + text.byteLength + FOOTER_SIZE);
  frame.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  frame.writeUInt32LE(text.byteLength + FOOTER_SIZE, 4);
  frame.set(text, HEADER_SIZE);
  frame.writeUInt32LE(frame.byteLength, frame.byteLength - FOOTER_SIZE);
  return frame;
}

/**
 * The blocks of a pack of `size` bytes.
 *
 * @throws DataopsError `corrupt` where its end is not as it should be; what the storage throws
 */
export async function readPackContents(
  storage: Storage,
  database: string,
  { name, size }: { name: string; size: number },
  signal: AbortSignal,
): Promise<PackedBlock[]> {
  const readFrom = async (start: number): Promise<Buffer> => {
    const options = { range: { start, end: size }, signal };
    return Buffer.from(await readWhole(storage, packKey(database, name), size - start, options));
  };
  let end = await readFrom(Math.max(0, size - FIRST_READ));
  const length = end.byteLength < FOOTER_SIZE ? 0 : end.readUInt32LE(end.byteLength - FOOTER_SIZE);
  if (length > Math.min(size, MAX_SIZE)) throw corrupt(name);
  if (length > end.byteLength) end = await readFrom(size - length);
  const frame = end.subarray(end.byteLength - length);
  const isWhole =
    length > HEADER_SIZE + FOOTER_SIZE &&
    frame.readUInt32LE(0) === SKIPPABLE_MAGIC &&
    frame.readUInt32LE(4) === length - HEADER_SIZE;
  if (!isWhole) throw corrupt(name);
  return parse(await textOf(frame, name), name, size - length);
}

async function textOf(frame: Buffer, name: string): Promise<string> {
  const stored = frame.subarray(HEADER_SIZE, frame.byteLength - FOOTER_SIZE);
  try {
    const text = await decompress(stored, { maxOutputLength: MAX_SIZE });
    return text.toString("latin1");
  } catch (error) {
    throw corrupt(name, error);
  }
}

/** `end`: where the blocks end, and the contents begin. */
function parse(text: string, name: string, end: number): PackedBlock[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw corrupt(name);
  return lines.map((line) => {
    const [, sha256 = "", ...numbers] = LINE.exec(line) ?? [];
    const [rows = 0, size = 0, offset = 0, length = 0] = numbers.map(Number);
    if (rows === 0 || size === 0 || length === 0 || offset + length > end) throw corrupt(name);
    return { sha256, rows, size, offset, length };
  });
}

function corrupt(name: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `the contents at the end of pack ${name} are corrupt`, { cause });
}
