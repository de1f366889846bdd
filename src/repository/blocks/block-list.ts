import type { BlockRange, FrameReference, StoredBlock } from "./stored-block.ts";
import type { TuplePosition } from "./tuple-position.ts";

/** Bytes of a SHA-256. */
const DIGEST_SIZE = 32;

/** Where the parts of a record stand: numbers of 8 bytes, those of packs of 4, and digests. */
const FROM = 0;
const ROWS = 8;
const SIZE = 16;
const SHA256 = 24;
const FRAME = SHA256 + DIGEST_SIZE;
/** A frame's parts; the pack is a number. */
const OFFSET = 0;
const LENGTH = 8;
const PACK = 16;
const FRAME_SIZE = 20;
const BASE_SHA256 = FRAME + FRAME_SIZE;
const BASE_FRAME = BASE_SHA256 + DIGEST_SIZE;
const RECORD_SIZE = BASE_FRAME + FRAME_SIZE;

/** Records that a list begins with: most tables are small. */
const FIRST_CAPACITY = 4;

/** Records of one piece of memory: 128 KB. To be rid of larger ones leaves holes that nothing else fits into. */
const PIECE = 1024;

/**
 * One table's ranges and what is known of their blocks, in their order.
 *
 * A record each, of 128 bytes: as objects they take 300 to 430, and 10 GB have 40,000 of them, in the last backup and in
 * the one that is made. What comes out is a copy.
 */
export class BlockList implements Iterable<BlockRange> {
  /** All but the last one are full. */
  readonly #pieces: Buffer[] = [];
  #length = 0;
  readonly #packs: string[] = [];
  readonly #packNumbers = new Map<string, number>();

  static of(ranges: Iterable<BlockRange>): BlockList {
    const list = new BlockList();
    for (const range of ranges) list.push(range);
    return list;
  }

  /** Ranges. */
  get length(): number {
    return this.#length;
  }

  push({ from, block }: BlockRange): void {
    const record = this.#newRecord();
    record.writeDoubleLE(from, FROM);
    // Without rows there is no block.
    record.writeDoubleLE(block?.rows ?? 0, ROWS);
    if (block === undefined) return;
    record.writeDoubleLE(block.size, SIZE);
    record.write(block.sha256, SHA256, "hex");
    this.#writeFrame(block.frame, record, FRAME);
    if (block.base === undefined) return;
    record.write(block.base.sha256, BASE_SHA256, "hex");
    this.#writeFrame(block.base.frame, record, BASE_FRAME);
  }

  /** @throws RangeError where there is none */
  at(index: number): BlockRange {
    const record = recordIn(this.#pieceOf(index), index % PIECE);
    const from = record.readDoubleLE(FROM);
    const rows = record.readDoubleLE(ROWS);
    if (rows === 0) return { from, block: undefined };
    const block = {
      rows,
      size: record.readDoubleLE(SIZE),
      sha256: digestIn(record, SHA256),
      frame: this.#frame(record, FRAME),
      base: this.#base(record),
    };
    return { from, block };
  }

  /** The ranges from one up to, not including, another. */
  *between(first: number, end: number): Generator<BlockRange, void, void> {
    for (let index = first; index < end; index += 1) yield this.at(index);
  }

  [Symbol.iterator](): Iterator<BlockRange> {
    return this.between(0, this.#length);
  }

  /** The block of the range that begins at a position. For a list in the order of positions. */
  blockFrom(position: TuplePosition): StoredBlock | undefined {
    let first = 0;
    let end = this.#length;
    while (first < end) {
      const middle = Math.floor((first + end) / 2);
      if (this.#from(middle) < position) first = middle + 1;
      else end = middle;
    }
    if (first === this.#length || this.#from(first) !== position) return undefined;
    return this.at(first).block;
  }

  #from(index: number): TuplePosition {
    return this.#pieceOf(index).readDoubleLE((index % PIECE) * RECORD_SIZE + FROM);
  }

  #pieceOf(index: number): Buffer {
    const piece = this.#pieces[Math.floor(index / PIECE)];
    if (piece !== undefined && index < this.#length) return piece;
    throw new RangeError(`no range ${index} of ${this.#length}`);
  }

  /** All of it is 0. */
  #newRecord(): Buffer {
    const place = this.#length % PIECE;
    const last = place === 0 ? undefined : this.#pieces.pop();
    const piece = last !== undefined && place * RECORD_SIZE < last.byteLength ? last : enlarged(last);
    this.#pieces.push(piece);
    this.#length += 1;
    return recordIn(piece, place);
  }

  #base(record: Buffer): StoredBlock["base"] {
    const frame = this.#frame(record, BASE_FRAME);
    // No frame is empty.
    return frame.length === 0 ? undefined : { frame, sha256: digestIn(record, BASE_SHA256) };
  }

  #frame(record: Buffer, at: number): FrameReference {
    return {
      pack: this.#packs[record.readUInt32LE(at + PACK)] ?? "",
      offset: record.readDoubleLE(at + OFFSET),
      length: record.readDoubleLE(at + LENGTH),
    };
  }

  #writeFrame({ pack, offset, length }: FrameReference, record: Buffer, at: number): void {
    record.writeDoubleLE(offset, at + OFFSET);
    record.writeDoubleLE(length, at + LENGTH);
    record.writeUInt32LE(this.#numberOf(pack), at + PACK);
  }

  #numberOf(pack: string): number {
    const known = this.#packNumbers.get(pack);
    if (known !== undefined) return known;
    const number = this.#packs.push(pack) - 1;
    this.#packNumbers.set(pack, number);
    return number;
  }
}

function enlarged(piece: Buffer | undefined): Buffer {
  const size = piece === undefined ? FIRST_CAPACITY * RECORD_SIZE : piece.byteLength * 2;
  // Not of the memory that Node keeps for small buffers, which would stay as long as the list.
  const larger = Buffer.from(new ArrayBuffer(size));
  if (piece !== undefined) larger.set(piece);
  return larger;
}

function recordIn(piece: Buffer, place: number): Buffer {
  return piece.subarray(place * RECORD_SIZE, (place + 1) * RECORD_SIZE);
}

function digestIn(record: Buffer, at: number): string {
  return record.toString("hex", at, at + DIGEST_SIZE);
}
