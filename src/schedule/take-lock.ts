import { setTimeout as delay } from "node:timers/promises";
import { isDataopsError, messageOf } from "../errors.ts";
import type { StorageCheck } from "../repository/check-storage.ts";
import { jobTitle, type Job } from "../repository/job.ts";
import { acquireAdvisoryLock } from "./advisory-lock.ts";
import { BusyError, type JobLock } from "./job-lock.ts";
import { acquireLease, LEASE_DURATION } from "./lease.ts";
import type { Holder } from "./lease-record.ts";
import { newHolder } from "./new-holder.ts";
import type { RunDependencies } from "./run.ts";

export interface LockRequest {
  job: Job;
  /** The scheduled instant that it is for, in milliseconds since the epoch; undefined for none. */
  slot: number | undefined;
  /** What holds the job in the place of a run of it, for people: `prune production`. */
  visitor?: string | undefined;
  /** Whether a visitor waits for a run to end; otherwise that is for whoever asked for the visit to do. */
  isPatient?: boolean | undefined;
}

/** Milliseconds that a schedule's job waits for one that keeps it out: most backups and prunes take less. */
const PATIENCE = 60 * 60 * 1000;

/** How often it is tried again while a lease lasts once. */
const TRIES = 3;

/**
 * Takes a job: by a lease in the storage, or, where the storage's conditional writes are not real, by a lock in the job's
 * own database.
 *
 * Runs that a schedule wants wait for visitors, and visitors that a schedule wants for runs: two jobs whose schedules meet each day
 * would otherwise keep each other from running each day. A run never waits for another run of its job.
 *
 * @throws DataopsError as `acquireLease` and `acquireAdvisoryLock` do
 */
export async function takeLock(
  dependencies: RunDependencies,
  request: LockRequest,
  check: StorageCheck,
): Promise<JobLock> {
  const { storage, reporter, clock, signal } = dependencies;
  if (!check.conditional) {
    reporter.warn(
      `${storage.url} has no real conditional writes: ${check.reason ?? "it was not asked"}; a lock in the database holds the job`,
    );
  }
  const until = clock.monotonic() + PATIENCE;
  // Of who is waited for is told once.
  for (let tell = (line: string): void => reporter.info(line); ; tell = () => undefined) {
    try {
      return await tryToTakeLock({ ...dependencies, tell }, request, check);
    } catch (error) {
      if (!isWorthWaiting(request, error) || clock.monotonic() >= until) throw error;
      tell(`${messageOf(error)}: waiting for that`);
    }
    const pause = (dependencies.leaseDuration ?? LEASE_DURATION) / TRIES;
    await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isWorthWaiting({ slot, visitor, isPatient }: LockRequest, error: unknown): boolean {
  if (visitor !== undefined) return isPatient === true && isDataopsError(error, "busy");
  return slot !== undefined && error instanceof BusyError && error.isVisited;
}

async function tryToTakeLock(
  dependencies: RunDependencies & { tell: (line: string) => void },
  { job, slot, visitor }: LockRequest,
  { conditional }: StorageCheck,
): Promise<JobLock> {
  const { storage, database, tell, clock, signal } = dependencies;
  const duration = dependencies.leaseDuration ?? LEASE_DURATION;
  const makeHolder = (): Holder => newHolder(clock.now(), slot, visitor);
  if (conditional) {
    const onWatch = ({ run, host }: Holder): void => {
      const longest = Math.ceil(duration / 1000);
      tell(
        `${jobTitle(job)} is held by run ${run} on ${host}: waiting to see whether it is alive, ${longest} s at most`,
      );
    };
    return await acquireLease({ storage, job, clock, duration, makeHolder, onWatch, signal });
  }
  return await acquireAdvisoryLock({
    database,
    job,
    duration,
    makeHolder,
    signal,
  });
}
