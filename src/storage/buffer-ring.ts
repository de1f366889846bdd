/** Buffers of one size that are used again and again: memory stays flat however long a stream is. */
export class BufferRing {
  /** Bytes of each buffer. */
  readonly size: number;
  #unmade: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: ((buffer: Buffer) => void)[] = [];

  /** Makes `count` buffers at most, each when it is first needed. */
  constructor(size: number, count: number) {
    this.size = size;
    this.#unmade = count;
  }

  /** A buffer that nobody uses, as soon as there is one. */
  acquire(): Promise<Buffer> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#unmade > 0) {
      this.#unmade -= 1;
      return Promise.resolve(Buffer.allocUnsafeSlow(this.size));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(buffer: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next(buffer);
  }
}
