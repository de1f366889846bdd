import type { CopyConsumer } from "../postgres/copy-out.ts";

/** PostgreSQL's manual, "COPY", "Binary Format": a signature, flags, and the length of what a later version may add. */
const FILE_HEADER_SIZE = 19;
const EXTENSION_LENGTH_AT = 15;
const FIELD_COUNT_SIZE = 2;
const FIELD_LENGTH_SIZE = 4;
const TRAILER = -1;
const NULL_LENGTH = -1;

/** Bytes kept for a row of which a part has come, to begin with. */
const FIRST_CARRY_SIZE = 64 * 1024;

/**
 * Takes one row of a binary COPY. Field `n` is in `bytes` from `fields[2 * n]` up to, not including, `fields[2 * n + 1]`, whose
 * start is -1 where it is NULL. Both are valid during the call only. A promise keeps the server waiting; rows may still come.
 */
export type TakeRow = (bytes: Buffer, fields: Int32Array) => Promise<void> | undefined;

/**
 * Finds the rows in what binary COPYs send, wherever the network cut it, and looks at nothing but lengths.
 *
 * The rows of several COPYs in one query follow each other; `onEnd` is told of each one's end.
 */
export class CopyRows implements CopyConsumer {
  readonly #take: TakeRow;
  readonly #onEnd: (rows: number) => void;
  readonly #fields: Int32Array;
  /** A row, or the header, of which a part has come. */
  #carry = Buffer.allocUnsafe(FIRST_CARRY_SIZE);
  #carried = 0;
  #hasHeader = false;
  #isOver = false;
  /** What has to be waited for before more is asked for. */
  #pending: Promise<void> | undefined;

  /** `width`: fields of a row. */
  constructor(width: number, take: TakeRow, onEnd: (rows: number) => void = () => undefined) {
    this.#take = take;
    this.#onEnd = onEnd;
    this.#fields = new Int32Array(width * 2);
  }

  data(chunk: Buffer, start: number, end: number): Promise<void> | undefined {
    this.#pending = undefined;
    if (this.#carried === 0) {
      const read = this.#read(chunk, start, end);
      if (read < end) this.#keep(chunk, read, end);
    } else {
      this.#keep(chunk, start, end);
      const read = this.#read(this.#carry, 0, this.#carried);
      this.#carry.copyWithin(0, read, this.#carried);
      this.#carried -= read;
    }
    return this.#pending;
  }

  end(rows: number): undefined {
    if (!this.#isOver || this.#carried > 0) throw new Error("a COPY ended within a row");
    this.#hasHeader = false;
    this.#isOver = false;
    this.#onEnd(rows);
  }

  /** Reads whole rows; returns where the first begins that is not whole. */
  #read(bytes: Buffer, start: number, end: number): number {
    let position = start;
    if (!this.#hasHeader) {
      if (end - position < FILE_HEADER_SIZE) return position;
      const size = FILE_HEADER_SIZE + bytes.readInt32BE(position + EXTENSION_LENGTH_AT);
      if (end - position < size) return position;
      position += size;
      this.#hasHeader = true;
    }
    while (end - position >= FIELD_COUNT_SIZE) {
      const count = bytes.readInt16BE(position);
      if (count === TRAILER) {
        this.#isOver = true;
        return position + FIELD_COUNT_SIZE;
      }
      const next = this.#readRow(bytes, position + FIELD_COUNT_SIZE, end, count);
      if (next === undefined) return position;
      position = next;
      const wait = this.#take(bytes, this.#fields);
      if (wait !== undefined) this.#pending = both(this.#pending, wait);
    }
    return position;
  }

  /** Where the row ends; undefined where it is not all there. */
  #readRow(bytes: Buffer, start: number, end: number, count: number): number | undefined {
    const fields = this.#fields;
    if (count * 2 !== fields.length)
      throw new Error(`expected rows of ${fields.length / 2} fields, got ${count}`);
    let position = start;
    for (let index = 0; index < fields.length; index += 2) {
      if (end - position < FIELD_LENGTH_SIZE) return undefined;
      const length = bytes.readInt32BE(position);
      position += FIELD_LENGTH_SIZE;
      if (length === NULL_LENGTH) {
        fields[index] = -1;
        fields[index + 1] = -1;
        continue;
      }
      if (end - position < length) return undefined;
      fields[index] = position;
      position += length;
      fields[index + 1] = position;
    }
    return position;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (this.#carried + size > this.#carry.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(this.#carry.byteLength * 2, this.#carried + size));
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    bytes.copy(this.#carry, this.#carried, start, end);
    this.#carried += size;
  }
}

function both(first: Promise<void> | undefined, second: Promise<void>): Promise<void> {
  return first === undefined ? second : Promise.all([first, second]).then(() => undefined);
}
