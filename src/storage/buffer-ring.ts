import { Pool } from "../pool.ts";

/** Buffers of one size that are used again and again: memory stays flat however long a stream is. */
export class BufferRing extends Pool<Buffer> {
  /** Bytes of each buffer. */
  readonly size: number;

  /** Makes `count` buffers at most, each when it is first needed. */
  constructor(size: number, count: number) {
    super(count, () => Buffer.allocUnsafeSlow(size));
    this.size = size;
  }
}
