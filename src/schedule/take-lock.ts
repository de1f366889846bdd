import type { StorageCheck } from "../repository/check-storage.ts";
import { jobTitle, type Job } from "../repository/job.ts";
import { acquireAdvisoryLock } from "./advisory-lock.ts";
import type { JobLock } from "./job-lock.ts";
import { acquireLease, LEASE_DURATION } from "./lease.ts";
import type { Holder } from "./lease-record.ts";
import { newHolder } from "./new-holder.ts";
import type { RunDependencies } from "./run.ts";

/**
 * Takes a job: by a lease in the storage, or, where the storage's conditional writes are not real, by a lock in the job's
 * own database.
 *
 * @throws DataopsError as `acquireLease` and `acquireAdvisoryLock` do
 */
export async function takeLock(
  dependencies: RunDependencies,
  { job, slot, visitor }: { job: Job; slot: number | undefined; visitor?: string | undefined },
  { conditional, reason }: StorageCheck,
): Promise<JobLock> {
  const { storage, database, reporter, clock, signal } = dependencies;
  const duration = dependencies.leaseDuration ?? LEASE_DURATION;
  const makeHolder = (): Holder => newHolder(clock.now(), slot, visitor);
  if (conditional) {
    const onWatch = ({ run, host }: Holder): void => {
      const longest = Math.ceil(duration / 1000);
      reporter.info(
        `${jobTitle(job)} is held by run ${run} on ${host}: waiting to see whether it is alive, ${longest} s at most`,
      );
    };
    return await acquireLease({ storage, job, clock, duration, makeHolder, onWatch, signal });
  }
  reporter.warn(
    `${storage.url} has no real conditional writes: ${reason ?? "it was not asked"}; a lock in the database holds the job`,
  );
  return await acquireAdvisoryLock({
    database,
    job,
    duration,
    makeHolder,
    signal,
  });
}
