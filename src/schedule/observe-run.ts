import { messageOf } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RunRecord } from "../repository/run-record.ts";
import type { RunObserver } from "./run.ts";

/** Milliseconds that an observer may take: a program that was terminated has 25 s in all. */
const PATIENCE = 8_000;

/** Tells observers of runs: one thing after the other, all observers side by side, and none for too long. */
export class Audience {
  readonly #observers: readonly RunObserver[];
  readonly #reporter: Reporter;
  #told: Promise<boolean> = Promise.resolve(true);

  constructor(observers: readonly RunObserver[], reporter: Reporter) {
    this.#observers = observers;
    this.#reporter = reporter;
  }

  /** Nobody has to wait for it. */
  tell(what: keyof RunObserver, record: RunRecord): void {
    this.#told = this.#told.then(async (before) => {
      const told = await Promise.all(this.#observers.map((observer) => this.#tell(observer, what, record)));
      return before && told.every(Boolean);
    });
  }

  /** Fulfilled when all is told: whether everybody took it. Never throws. */
  done(): Promise<boolean> {
    return this.#told;
  }

  async #tell(observer: RunObserver, what: keyof RunObserver, record: RunRecord): Promise<boolean> {
    const overdue = new AbortController();
    const { promise: patience, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`it took longer than ${PATIENCE / 1000} s`);
      overdue.abort(error);
      reject(error);
    }, PATIENCE);
    try {
      await Promise.race([observer[what](record, overdue.signal), patience]);
      return true;
    } catch (error) {
      this.#reporter.warn(`not everybody could be told of run ${record.id}: ${messageOf(error)}`);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
