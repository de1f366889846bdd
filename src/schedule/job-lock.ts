import { DataopsError } from "../errors.ts";
import { jobTitle, type Job } from "../repository/job.ts";
import type { Holder } from "./lease-record.ts";

/** Milliseconds; a run that was terminated has 25 s in all, most of which its work may need. */
export const RELEASE_TIMEOUT = 3_000;

/** The hold of one run on its job: a lease in the storage, or a lock in the database. */
export interface JobLock {
  /** Larger than that of every earlier holder; 0 where there are no generations. */
  readonly generation: number;
  readonly holder: Holder;
  /** Earlier holders that died, or whose end could not be written down. */
  readonly unsettled: readonly Holder[];
  /** Fires when the hold is lost, with a DataopsError `fenced`. */
  readonly signal: AbortSignal;
  /**
   * Makes sure that the hold is still there, by asking where it is kept.
   *
   * @throws DataopsError `fenced` where it is not, or nobody can tell
   */
  confirm(): Promise<void>;
  /** Looks at the clock alone; where it says that the hold ended, `signal` has fired when this returns. */
  isHeld(): boolean;
  /** What `unsettled` held is settled. */
  settled(): void;
  /** Lets the next one have the job. Never throws; `settled: false` leaves it to that one to write down how this run ended. */
  release(options: { settled: boolean }): Promise<void>;
}

/** Something holds the job. */
export class BusyError extends DataopsError {
  /** Whether that is no run of the job, but keeps runs out while it works: a prune, for one. */
  readonly isVisited: boolean;

  constructor(job: Job, { run, visitor, host, since }: Holder) {
    const what = visitor === undefined ? `is being run already: run ${run}` : `has to wait for ${visitor}`;
    super("busy", `${jobTitle(job)} ${what} on ${host || "another machine"}, since ${since}`, {
      hint: "wait for it to end; where it is dead, its lease ends by itself",
    });
    this.isVisited = visitor !== undefined;
  }
}

/** Why a run may not go on. */
export function fencedError(job: Job, why: string, cause?: unknown): DataopsError {
  return new DataopsError("fenced", `this run of ${jobTitle(job)} lost its hold on the job: ${why}`, {
    hint: "nothing was published; the next run starts anew",
    cause,
  });
}
