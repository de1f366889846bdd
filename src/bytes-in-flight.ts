/**
 * How many bytes all workers together hold of what came from the storage, or is on its way. Who comes first is served
 * first, so that nobody starves.
 */
export class BytesInFlight {
  readonly #max: number;
  readonly #waiting: { bytes: number; begin: () => void }[] = [];
  #held = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Waits until there is room for so many bytes: for more than fit at all, until nobody else holds any.
   *
   * @returns gives the room back
   * @throws the signal's reason when it fires during the wait
   */
  async take(bytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, signal);
    else this.#held += bytes;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#held -= bytes;
      this.#serve();
    };
  }

  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { bytes, begin: resolve };
    const leave = (): void => {
      const place = this.#waiting.indexOf(waiter);
      // Served already: whoever waits gives it back.
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      reject(signal.reason);
      this.#serve();
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#waiting.push(waiter);
    await promise.finally(() => signal.removeEventListener("abort", leave));
  }

  #serve(): void {
    for (
      let first = this.#waiting[0];
      first !== undefined && this.#fits(first.bytes);
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#held += first.bytes;
      first.begin();
    }
  }

  #fits(bytes: number): boolean {
    return this.#held === 0 || this.#held + bytes <= this.#max;
  }
}
