import { setImmediate } from "node:timers/promises";
import type { SchedulerClock } from "../../src/schedule/scheduler.ts";

/** Turns of the event loop after which whoever was woken has gone back to sleep. */
const TURNS = 5;

/** A clock that stands still until it is moved. */
export class VirtualClock implements SchedulerClock {
  #now: number;
  /** What a stopwatch would show; sleepers count by it. */
  #elapsed = 0;
  readonly #sleepers = new Set<{ until: number; wake: () => void }>();

  constructor(now: string) {
    this.#now = Date.parse(now);
  }

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const sleeper = { until: this.#elapsed + milliseconds, wake };
    this.#sleepers.add(sleeper);
    signal.addEventListener("abort", wake, { once: true });
    return promise.finally(() => {
      this.#sleepers.delete(sleeper);
      signal.removeEventListener("abort", wake);
    });
  }

  /** Lets time pass, waking each sleeper at its time. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await settle();
    for (;;) {
      const next = Math.min(...[...this.#sleepers].map(({ until }) => until));
      if (next > end) break;
      this.#move(Math.max(next, this.#elapsed));
      for (const { until, wake } of this.#sleepers) if (until <= this.#elapsed) wake();
      await settle();
    }
    this.#move(end);
  }

  /** Waits for somebody to sleep, whatever it takes of real time: requests and files know nothing of this clock. */
  async asleep(): Promise<void> {
    while (this.#sleepers.size === 0) await setImmediate();
  }

  /** Sets the time of day, as an administrator does. No time passes. */
  set(now: string): void {
    this.#now = Date.parse(now);
  }

  /** The machine is suspended: the time of day goes on, and no sleeper's time. */
  suspend(milliseconds: number): void {
    this.#now += milliseconds;
  }

  #move(elapsed: number): void {
    this.#now += elapsed - this.#elapsed;
    this.#elapsed = elapsed;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
}
