import type { Duplex } from "node:stream";
import { free } from "../garbage.ts";

type Listener = (chunk: Buffer) => void;

/** PostgreSQL's protocol, "Message Formats": a byte for the type, four for the length of the rest with themselves. */
const HEADER_SIZE = 5;
const LENGTH_SIZE = 4;
/** `d`: CopyData, which holds a row, or a part of one. */
const COPY_DATA = 0x64;

/**
 * Takes the rows of COPYs out of what a connection reads, and passes all else on to whoever was listening.
 *
 * The driver makes an object of each message, and COPY sends one for each row: with five million rows that was about a
 * tenth of the processor time of a backup, most of it for collecting them.
 */
export class RowTap {
  readonly #stream: Duplex;
  readonly #listeners: readonly Listener[];
  readonly #onRow: (chunk: Buffer, start: number, end: number) => void;
  readonly #take = (chunk: Buffer): void => this.#read(chunk);
  /** A header of which a part has come. */
  readonly #header = Buffer.alloc(HEADER_SIZE);
  #headerFilled = 0;
  /** Of the message that is being read: bytes that are still to come. */
  #left = 0;
  #isRow = false;

  /**
   * `onRow` is told of bytes of rows, in their order: those of a chunk from `start` up to, not including, `end`. They are
   * gone when it returns.
   */
  constructor(stream: Duplex, onRow: (chunk: Buffer, start: number, end: number) => void) {
    this.#stream = stream;
    this.#onRow = onRow;
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- whoever listens to data is given chunks
    this.#listeners = stream.listeners("data") as Listener[];
    for (const listener of this.#listeners) stream.off("data", listener);
    stream.on("data", this.#take);
  }

  /** Lets everything pass again. */
  remove(): void {
    this.#stream.off("data", this.#take);
    for (const listener of this.#listeners) this.#stream.on("data", listener);
  }

  #read(chunk: Buffer): void {
    let position = 0;
    while (position < chunk.byteLength) {
      position = this.#left > 0 ? this.#readBody(chunk, position) : this.#readHeader(chunk, position);
    }
    free(chunk);
  }

  #readBody(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.byteLength, start + this.#left);
    this.#left -= end - start;
    if (this.#isRow) this.#onRow(chunk, start, end);
    else this.#pass(chunk.subarray(start, end));
    return end;
  }

  #readHeader(chunk: Buffer, start: number): number {
    if (this.#headerFilled === 0 && chunk.byteLength - start >= HEADER_SIZE) {
      this.#begin(chunk, start);
      return start + HEADER_SIZE;
    }
    const end = Math.min(chunk.byteLength, start + HEADER_SIZE - this.#headerFilled);
    chunk.copy(this.#header, this.#headerFilled, start, end);
    this.#headerFilled += end - start;
    if (this.#headerFilled === HEADER_SIZE) {
      this.#headerFilled = 0;
      this.#begin(this.#header, 0);
    }
    return end;
  }

  #begin(header: Buffer, start: number): void {
    this.#isRow = header[start] === COPY_DATA;
    this.#left = header.readInt32BE(start + 1) - LENGTH_SIZE;
    if (!this.#isRow) this.#pass(header.subarray(start, start + HEADER_SIZE));
  }

  /** A copy: the driver may keep a part of a message until the rest comes, and the chunk, mostly rows, is given back. */
  #pass(bytes: Buffer): void {
    const copy = Buffer.from(bytes);
    for (const listener of this.#listeners) listener.call(this.#stream, copy);
  }
}
