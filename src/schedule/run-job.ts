import type { ConnectionSettings } from "../config/connection.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Job } from "../repository/job.ts";
import type { Storage } from "../storage/storage.ts";
import type { Clock } from "./clock.ts";
import type { JobOutcome, JobRun, RunObserver } from "./run.ts";

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
   * True where it has published already.
   */
  bury: (id: string, by: JobRun) => Promise<boolean>;
  work: (run: JobRun, prepared: P) => Promise<JobOutcome<T>>;
}

/**
 * Runs a job: one run at a time, and once for each slot, whoever fires it, on whatever machine.
 *
 * Order: `prepare`; the job's lease; runs that died before are written down as lost; the slot; the record; `work`; the
 * record's end; the lease is given back, in every case.
 *
 * @throws DataopsError `busy` where another run holds the job or ran for this slot, `fenced` where another took over;
 *   `notPermitted` where the storage may not be written; else what `work` throws; after an abort: the signal's reason
 */
export declare function runJob<P, T>(
  dependencies: RunDependencies,
  request: RunRequest<P, T>,
): Promise<JobOutcome<T>>;
