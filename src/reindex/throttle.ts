import { setTimeout as sleep } from "node:timers/promises";

/** Lets so many documents through each second, on average. */
export class Throttle {
  /** Documents each second; undefined: as many as come. */
  readonly #rate: number | undefined;
  readonly #now: () => number;
  /** When the next documents may go. */
  #free = 0;

  /** `now` gives milliseconds. */
  constructor(rate: number | undefined, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Waits until `count` documents may go. After an abort: throws the signal's reason. */
  async wait(count: number, signal: AbortSignal): Promise<void> {
    if (this.#rate === undefined) return;
    const now = this.#now();
    const begin = Math.max(now, this.#free);
    this.#free = begin + (count / this.#rate) * 1_000;
    if (begin <= now) return;
    try {
      await sleep(begin - now, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}
