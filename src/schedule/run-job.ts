import { checkStorage } from "../repository/check-storage.ts";
import { ActiveRun } from "./active-run.ts";
import { clearRecords } from "./clear-records.ts";
import type { JobLock } from "./job-lock.ts";
import { Audience } from "./observe-run.ts";
import type { RunLogOptions } from "./run-log.ts";
import { describeLost, findUnsettled, settleRuns } from "./settle.ts";
import { claimSlot } from "./slot.ts";
import { takeLock } from "./take-lock.ts";
import type { JobOutcome, RunDependencies, RunRequest } from "./run.ts";

/**
 * Runs a job: one run at a time, and once for each slot, whoever fires it, on whatever machine.
 *
 * Order: `prepare`; the job's lease; runs that died before are written down as lost; the slot; the record; `work`; the
 * record's end; the lease is given back, in every case. A run that was done ends with `warnings` where an observer failed.
 *
 * @throws DataopsError `busy` where another run holds the job or ran for this slot, `fenced` where another took over;
 *   `notPermitted` where the storage may not be written; else what `work` throws; after an abort: the signal's reason
 */
export async function runJob<P, T>(
  dependencies: RunDependencies,
  request: RunRequest<P, T>,
): Promise<JobOutcome<T>> {
  const { storage, reporter, signal } = dependencies;
  const prepared = await request.prepare(signal);
  const check = await checkStorage(storage, { signal });
  const lock = await takeLock(dependencies, request, check);
  const log = { storage, job: request.job, conditional: check.conditional };
  const run = new ActiveRun({ ...dependencies, ...log, lock });
  const audience = new Audience(dependencies.observers, reporter);
  let hasBegun = false;
  try {
    await settlePredecessors(dependencies, request, { log, run, lock, audience });
    if (request.slot !== undefined) await claimSlot(log, request.slot, run.id, run);
    hasBegun = true;
    await run.begin();
  } catch (error) {
    const reason = run.reasonFor(error);
    // Of a record whose writing failed nobody knows whether it is there.
    await lock.release({ settled: !hasBegun });
    await audience.done();
    throw reason;
  }
  audience.tell("started", run.record);
  try {
    const outcome = await request.work(run, prepared);
    const isWritten = await run.succeed(outcome);
    if (!isWritten) reporter.warn(`the end of run ${run.id} could not be written down, as done as it is`);
    await clearQuietly(log, dependencies.clock.now(), run);
    await lock.release({ settled: isWritten });
    audience.tell("ended", run.record);
    const isTold = await audience.done();
    return isTold || outcome.exit !== "done" ? outcome : { ...outcome, exit: "warnings" };
  } catch (error) {
    const reason = run.reasonFor(error);
    const isWritten = await run.fail(reason);
    await lock.release({ settled: isWritten });
    audience.tell("ended", run.record);
    await audience.done();
    throw reason;
  }
}

/** Gives those before us an end that could not do it themselves. From then on none of them can publish anything. */
async function settlePredecessors<P, T>(
  { clock, version, reporter }: RunDependencies,
  { bury }: RunRequest<P, T>,
  { log, run, lock, audience }: { log: RunLogOptions; run: ActiveRun; lock: JobLock; audience: Audience },
): Promise<void> {
  const holders = log.conditional ? lock.unsettled : await findUnsettled(log, clock.now(), run);
  const lost = await settleRuns(
    { ...log, holders, version, bury: (id) => bury(id, run), now: () => clock.now() },
    run,
  );
  lock.settled();
  for (const record of lost) {
    reporter.warn(describeLost(record), { run: record.id });
    audience.tell("ended", record);
  }
}

/** What stays this time goes the next time. */
async function clearQuietly(log: RunLogOptions, now: number, { signal }: ActiveRun): Promise<void> {
  await clearRecords(log, now, { signal }).catch(() => undefined);
}
