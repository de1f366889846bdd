/** Hands bytes from one that pushes them to one that reads them, in bounded memory. For one reader. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #most: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #failure: { reason: unknown } | undefined;
  #onPush: (() => void) | undefined;
  #onTaken: PromiseWithResolvers<void> | undefined;

  /** `most`: bytes that may wait; a promise of `push` holds while there are more. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Adds bytes, which belong to the queue from now on. The promise rejects when the queue fails. */
  push(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return rejected(this.#failure.reason);
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    this.#onPush?.();
    if (this.#size <= this.#most) return undefined;
    this.#onTaken ??= Promise.withResolvers();
    return this.#onTaken.promise;
  }

  /** No more bytes come. */
  end(): void {
    this.#ended = true;
    this.#onPush?.();
  }

  /** Ends it for both sides, with an error. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    // Nobody may be waiting.
    this.#onTaken?.promise.catch(() => undefined);
    this.#onTaken?.reject(reason);
    this.#onPush?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason;
      const chunk = this.#chunks.shift();
      if (chunk === undefined) {
        if (this.#ended) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#onPush = resolve;
        await promise;
        this.#onPush = undefined;
        continue;
      }
      yield chunk;
      // Only now its bytes have been taken.
      this.#size -= chunk.byteLength;
      if (this.#size <= this.#most) {
        this.#onTaken?.resolve();
        this.#onTaken = undefined;
      }
    }
  }
}

/** A promise that may also be left alone. */
function rejected(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => undefined);
  return promise;
}
