import { createHash, hash } from "node:crypto";
import { free } from "../../garbage.ts";
import type { ByteQueue } from "./byte-queue.ts";
import type { CopyConsumer } from "../../postgres/copy-out.ts";

/** Bytes of text that are held whole. A longer block passes through, in pieces: a page of toasted rows can have gigabytes. */
const MOST_HELD = 2 * 1024 * 1024;

/** Bytes that a text's buffer starts with. */
const FIRST_CAPACITY = 512 * 1024;

/** Bytes in which a long text passes through, and of which two may wait. */
const PIECE_SIZE = 256 * 1024;

/** A text that is in memory, whole. */
export interface HeldText {
  text: Buffer;
  sha256: string;
  /** Gives the memory back for the next text; nobody may look at `text` after. */
  release: () => void;
}

/** What passed through. */
export interface PassedText {
  size: number;
  sha256: string;
}

/** What takes the texts of a batch of ranges, one after the other. */
export interface TextSink {
  /** A text that was held, and the number of its rows; not called for an empty one. */
  held(index: number, text: HeldText, rows: number): Promise<void> | undefined;
  /** A text is too long to be held: `pieces` are its bytes. Undefined: only its digest is wanted. */
  begin(index: number): ByteQueue | undefined;
  /** The end of a text that passed through. */
  passed(index: number, text: PassedText, rows: number): void;
  /** The range has no rows. */
  empty(index: number): void;
}

/** Buffers that are used again. */
export class BufferPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  }

  give(buffer: Buffer): void {
    if (buffer.byteLength === FIRST_CAPACITY) this.#free.push(buffer);
    // Those that had to grow would add up.
    else free(buffer);
  }
}

/** Puts COPYs' rows together to the texts of their ranges. */
export class BlockTexts implements CopyConsumer {
  readonly #sink: TextSink;
  readonly #pool: BufferPool;
  readonly #onData: (bytes: number) => void;
  #index = 0;
  #buffer: Buffer;
  #filled = 0;
  #passing: Passing | undefined;

  constructor(sink: TextSink, pool: BufferPool, onData: (bytes: number) => void) {
    this.#sink = sink;
    this.#pool = pool;
    this.#onData = onData;
    this.#buffer = pool.take();
  }

  data(chunk: Buffer, start: number, end: number): Promise<void> | undefined {
    this.#onData(end - start);
    if (this.#passing !== undefined) return this.#passing.add(chunk.subarray(start, end));
    const length = this.#filled + end - start;
    if (length > MOST_HELD) return this.#startPassing(chunk.subarray(start, end));
    if (length > this.#buffer.byteLength) this.#grow(length);
    chunk.copy(this.#buffer, this.#filled, start, end);
    this.#filled = length;
    return undefined;
  }

  end(rows: number): Promise<void> | undefined {
    const index = this.#index;
    this.#index += 1;
    const passing = this.#passing;
    this.#passing = undefined;
    if (passing !== undefined) {
      this.#sink.passed(index, passing.finish(), rows);
      return undefined;
    }
    const size = this.#filled;
    this.#filled = 0;
    if (size === 0) {
      if (rows > 0) throw new Error(`${rows} rows without text`);
      this.#sink.empty(index);
      return undefined;
    }
    const buffer = this.#buffer;
    this.#buffer = this.#pool.take();
    const text = buffer.subarray(0, size);
    const held = { text, sha256: hash("sha256", text, "hex"), release: () => this.#pool.give(buffer) };
    return this.#sink.held(index, held, rows);
  }

  /** Gives back its memory. Also where a failure ended the texts in the middle. */
  dispose(reason: unknown): void {
    this.#passing?.fail(reason);
    this.#pool.give(this.#buffer);
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#buffer.byteLength * 2));
    larger.set(this.#buffer.subarray(0, this.#filled));
    this.#pool.give(this.#buffer);
    this.#buffer = larger;
  }

  #startPassing(chunk: Uint8Array): Promise<void> | undefined {
    this.#passing = new Passing(this.#sink.begin(this.#index));
    void this.#passing.add(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
    return this.#passing.add(chunk);
  }
}

/** A text on its way through: hashed, and handed on in pieces of one size. */
class Passing {
  readonly #queue: ByteQueue | undefined;
  readonly #hash = createHash("sha256");
  #piece: Buffer | undefined;
  #filled = 0;
  #size = 0;

  constructor(queue: ByteQueue | undefined) {
    this.#queue = queue;
  }

  add(chunk: Uint8Array): Promise<void> | undefined {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
    if (this.#queue === undefined) return undefined;
    let pending: Promise<void> | undefined;
    for (let offset = 0; offset < chunk.byteLength;) {
      this.#piece ??= Buffer.allocUnsafeSlow(PIECE_SIZE);
      const length = Math.min(PIECE_SIZE - this.#filled, chunk.byteLength - offset);
      this.#piece.set(chunk.subarray(offset, offset + length), this.#filled);
      this.#filled += length;
      offset += length;
      if (this.#filled === PIECE_SIZE) pending = this.#pass();
    }
    return pending;
  }

  finish(): PassedText {
    if (this.#filled > 0) void this.#pass()?.catch(() => undefined);
    this.#queue?.end();
    return { size: this.#size, sha256: this.#hash.digest("hex") };
  }

  fail(reason: unknown): void {
    this.#queue?.fail(reason);
  }

  #pass(): Promise<void> | undefined {
    const piece = this.#piece?.subarray(0, this.#filled);
    this.#piece = undefined;
    this.#filled = 0;
    return piece === undefined ? undefined : this.#queue?.push(piece);
  }
}
