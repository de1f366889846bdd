import { isDataopsError, type ExitName } from "../errors.ts";
import type { RunRecord, RunState } from "../repository/run-record.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Clock } from "./clock.ts";
import { delayedSignal } from "../delayed-signal.ts";
import { fencedError, type JobLock } from "./job-lock.ts";
import { newRecord } from "./new-holder.ts";
import type { JobOutcome, JobRun } from "./run.ts";
import { createRun, messageFor, readRun, replaceRun, type RunLogOptions, type StoredRun } from "./run-log.ts";

/** Milliseconds that writing down a run's end may take once the program is terminated, which has 25 s in all. */
const END_TIMEOUT = 5_000;

/** The same while the program goes on: a storage that is slow shall not make a run that is done look lost. */
const LONGEST_END = 60_000;

export interface ActiveRunOptions extends RunLogOptions {
  lock: JobLock;
  clock: Clock;
  /** Of this program. */
  version: string;
  /** Fires when the program shall end. */
  signal: AbortSignal;
}

/** A run that holds its job, and its record. */
export class ActiveRun implements JobRun {
  readonly job: JobRun["job"];
  readonly id: string;
  readonly started: number;
  readonly conditional: boolean;
  readonly signal: AbortSignal;
  readonly #options: ActiveRunOptions;
  #record: RunRecord;
  /** As it is in the storage; undefined where it is not, or nobody knows. */
  #stored: StoredRun | undefined;
  #ending: Promise<boolean> | undefined;

  constructor(options: ActiveRunOptions) {
    const { lock, job, version } = options;
    this.#options = options;
    this.job = job;
    this.id = lock.holder.run;
    this.started = Date.parse(lock.holder.since);
    this.conditional = options.conditional;
    this.signal = AbortSignal.any([options.signal, lock.signal]);
    this.#record = { ...newRecord(job, lock.holder, version), generation: lock.generation };
  }

  /** As it is known here: what the storage holds is older where it could not be written. */
  get record(): RunRecord {
    return this.#record;
  }

  /**
   * Writes down that it runs.
   *
   * @throws DataopsError `fenced` where another run has written it off; StorageError
   */
  async begin(): Promise<void> {
    try {
      this.#stored = await createRun(this.#options, this.#record, { signal: this.signal });
    } catch (error) {
      if (!isStorageError(error, "precondition-failed")) throw error;
      throw fencedError(this.job, "another run took it for dead", error);
    }
  }

  async confirm(): Promise<void> {
    this.signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(this.signal.reason);
    this.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#options.lock.confirm(), aborted]);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  async stateOf(id: string): Promise<RunState | undefined> {
    return (await readRun(this.#options, id, { signal: this.signal }))?.record.state;
  }

  async isAbandoned(id: string): Promise<boolean> {
    // Only where its record was changed conditionally is it certain that the run itself did not, too.
    return this.conditional && id !== this.id && (await this.stateOf(id)) === "lost";
  }

  fail(error: unknown): Promise<boolean> {
    const reason = this.reasonFor(error);
    const exit = isDataopsError(reason) ? reason.exit : "failed";
    return this.#end({ state: stateAfter(exit), exit, message: messageFor(reason), result: {} });
  }

  /** Writes down what it came to. False where another run took it for dead, or the storage did not take it. Never throws. */
  succeed({ exit, message, result }: JobOutcome<unknown>): Promise<boolean> {
    return this.#end({ state: "done", exit, message, result });
  }

  /** What to tell of a failure: a run that lost its job failed by that, whatever broke first. */
  reasonFor(error: unknown): unknown {
    const { lock, signal } = this.#options;
    if (signal.aborted || isDataopsError(error, "fenced") || lock.isHeld()) return error;
    return lock.signal.reason;
  }

  #end(ending: Pick<RunRecord, "state" | "exit" | "message" | "result">): Promise<boolean> {
    return (this.#ending ??= this.#writeEnd(ending));
  }

  async #writeEnd(ending: Pick<RunRecord, "state" | "exit" | "message" | "result">): Promise<boolean> {
    this.#record = { ...this.#record, ...ending, ended: new Date(this.#options.clock.now()).toISOString() };
    if (this.#stored === undefined) return false;
    using patient = delayedSignal(this.#options.signal, END_TIMEOUT);
    try {
      const signal = AbortSignal.any([patient.signal, AbortSignal.timeout(LONGEST_END)]);
      return (await replaceRun(this.#options, this.#stored, this.#record, { signal })) !== undefined;
    } catch {
      return false;
    }
  }
}

/** How a run ended that ended by an error. Pure. */
export function stateAfter(exit: ExitName): RunState {
  if (exit === "interrupted" || exit === "terminated") return "interrupted";
  return exit === "fenced" ? "fenced" : "failed";
}
