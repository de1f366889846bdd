import { setTimeout as delay } from "node:timers/promises";

type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<unknown>;

/** Lets so many documents through each second, on average. */
export class Throttle {
  /** Documents each second; undefined: as many as come. */
  readonly #rate: number | undefined;
  readonly #now: () => number;
  readonly #sleep: Sleep;
  /** When the next documents may go. */
  #free = 0;

  /** `now` gives milliseconds. */
  constructor(
    rate: number | undefined,
    now: () => number,
    sleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
  ) {
    this.#rate = rate;
    this.#now = now;
    this.#sleep = sleep;
  }

  /** Documents that should go at a time: half a second's, so that the engine has an even load, and not bursts. */
  get most(): number {
    return this.#rate === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(this.#rate / 2));
  }

  /** Waits until `count` documents may go. After an abort: throws the signal's reason. */
  async wait(count: number, signal: AbortSignal): Promise<void> {
    if (this.#rate === undefined) return;
    const now = this.#now();
    const begin = Math.max(now, this.#free);
    this.#free = begin + (count / this.#rate) * 1_000;
    if (begin <= now) return;
    try {
      await this.#sleep(begin - now, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}
