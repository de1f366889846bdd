import { checkStorage } from "../repository/check-storage.ts";
import type { WithLease } from "../repository/job-lease.ts";
import type { RunDependencies } from "./run.ts";
import { findUnsettled } from "./settle.ts";
import { takeLock } from "./take-lock.ts";

export interface VisitOptions {
  /** Who holds the job in the place of a run of it, for people: `prune production`. */
  visitor: string;
  /** Whether to wait for a run that holds the job, for an hour at most: for schedules, which nobody sits before. */
  isPatient: boolean;
  /** Makes sure that a dead run of the job can publish nothing any more. */
  bury: (id: string, by: { id: string; conditional: boolean; signal: AbortSignal }) => Promise<unknown>;
}

/**
 * Holds jobs so that nobody can run them while something else is done. Dead runs of theirs can publish nothing from then
 * on; that they were lost is left to the next run to write down and tell.
 */
export function visitingJobs(
  dependencies: RunDependencies,
  { visitor, isPatient, bury }: VisitOptions,
): WithLease {
  return async (job, work) => {
    const { storage, clock } = dependencies;
    const check = await checkStorage(storage, { signal: dependencies.signal });
    const lock = await takeLock(dependencies, { job, slot: undefined, visitor, isPatient }, check);
    const signal = AbortSignal.any([dependencies.signal, lock.signal]);
    try {
      const by = { id: lock.holder.run, conditional: check.conditional, signal };
      const dead = check.conditional
        ? lock.unsettled
        : await findUnsettled({ storage, job }, clock.now(), { signal });
      for (const { run } of dead) await bury(run, by);
      return await work({
        signal,
        isHeld: () => lock.isHeld() && !signal.aborted,
        confirm: () => lock.confirm(),
      });
    } finally {
      await lock.release({ settled: true });
    }
  };
}
