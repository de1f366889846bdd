import type { Job } from "./job.ts";

/** The hold on a job, for as long as something is done that no run of it may see. */
export interface JobHold {
  /** Fires when the hold is lost, with a DataopsError `fenced`, and when the program shall end. */
  readonly signal: AbortSignal;
  /** Looks at the clock alone; where it says that the hold ended, `signal` has fired when this returns. */
  isHeld(): boolean;
  /**
   * Makes sure that the hold is still there, by asking where it is kept.
   *
   * @throws DataopsError `fenced` where it is not, or nobody can tell
   */
  confirm(): Promise<void>;
}

/**
 * Does `work` while no run of `job` is possible, whoever would start it, and wherever.
 *
 * @throws DataopsError `busy` where a run holds the job: then `work` has not begun; what `work` throws
 */
export type WithLease = <T>(job: Job, work: (hold: JobHold) => Promise<T>) => Promise<T>;
