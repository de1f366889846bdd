import type { ConnectionSettings } from "../config/connection.ts";
import type { ExitName } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Job } from "../repository/job.ts";
import type { RunRecord, RunState } from "../repository/run-record.ts";
import type { Storage } from "../storage/storage.ts";
import type { Clock } from "./clock.ts";

/** What the work of a job gets to know of its run, and asks of it. */
export interface JobRun {
  readonly job: Job;
  /** Its start and a random tail. What it makes has the same id. */
  readonly id: string;
  /** Milliseconds since the epoch; the id's own second. */
  readonly started: number;
  /** Whether the storage's conditional writes are real. */
  readonly conditional: boolean;
  /** Fires when the program shall end, and when the job was lost to another run (`fenced`). All that the work does takes it. */
  readonly signal: AbortSignal;
  /**
   * Asks whether the job is still this run's: to be called just before what it made is published.
   *
   * @throws DataopsError `fenced` where it is not, or nobody can tell; after an abort: the signal's reason
   */
  confirm(): Promise<void>;
  /**
   * Writes down how the run failed. True: what it made so far is its own to take away. False: another run took over, to
   * which that belongs now, or nobody can tell. Never throws.
   */
  fail(error: unknown): Promise<boolean>;
  /** What became of another run of this job, as it is written down; undefined where nothing is. */
  stateOf(id: string): Promise<RunState | undefined>;
  /**
   * Whether the run of this id is certainly over, has made nothing of it, and will never touch again what it left. False
   * where nobody can tell.
   */
  isAbandoned(id: string): Promise<boolean>;
}

/** What the work of a job came to. */
export interface JobOutcome<T> {
  value: T;
  exit: Extract<ExitName, "done" | "warnings">;
  /** One line: what it warns of; null where there is nothing to say. */
  message: string | null;
  /** For the run's record: bytes, rows, ids. */
  result: RunRecord["result"];
}

/** Looks on. What it throws, or never ends, changes no run's result. */
export interface RunObserver {
  /** The run holds its job, and is about to work. */
  started(record: RunRecord, signal: AbortSignal): Promise<void>;
  /** The run is over, its record is written as far as that was possible, and the job is free for the next one. */
  ended(record: RunRecord, signal: AbortSignal): Promise<void>;
}

export interface RunDependencies {
  /** Where the job's lease and records are. Asked nothing before `prepare` is through. */
  storage: Storage;
  /** The job's own database: a session there stands in for the lease where the storage's conditional writes are not real. */
  database: ConnectionSettings;
  reporter: Reporter;
  /** Fires when the program shall end. */
  signal: AbortSignal;
  clock: Clock;
  /** Of this program. */
  version: string;
  observers: readonly RunObserver[];
  /** Milliseconds that a lease lasts without being renewed. */
  leaseDuration?: number | undefined;
}

export interface RunRequest<P, T> {
  job: Job;
  /** The scheduled instant, in milliseconds since the epoch; undefined for a run by hand. */
  slot: number | undefined;
  /** What can be checked before the storage is asked anything; what it gives is handed to `work`. */
  prepare: (signal: AbortSignal) => Promise<P>;
  /**
   * Makes sure that a run of this job, which is dead or believed to be, can publish nothing from now on.
   * True where it has published already; always false of a job that publishes nothing.
   */
  bury: (id: string, by: JobRun) => Promise<boolean>;
  work: (run: JobRun, prepared: P) => Promise<JobOutcome<T>>;
}
