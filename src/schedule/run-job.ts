import { checkStorage } from "../repository/check-storage.ts";
import { ActiveRun } from "./active-run.ts";
import { clearRecords } from "./clear-records.ts";
import type { JobLock } from "./job-lock.ts";
import { Audience } from "./observe-run.ts";
import type { RunLogOptions } from "./run-log.ts";
import { describeLost, findUnsettled, settleRuns } from "./settle.ts";
import { claimSlot } from "./slot.ts";
import { takeLock } from "./take-lock.ts";
import { recordUnbegun } from "./unbegun.ts";
import type { JobOutcome, RunDependencies, RunRequest } from "./run.ts";

/**
 * Runs a job: one run at a time, and once for each slot, whoever fires it, on whatever machine.
 *
 * Order: `prepare`; the job's lease; runs that died before are written down as lost; the slot; the record; `work`; the
 * record's end; the lease is given back, in every case. A run that was done ends with `warnings` where an observer failed. Observers are
 * told of failures before the work, too, but not that the job was held.
 *
 * @throws DataopsError `busy` where another run holds the job or ran for this slot, `fenced` where another took over;
 *   `notPermitted` where the storage may not be written; else what `work` throws; after an abort: the signal's reason
 */
export async function runJob<P, T>(
  dependencies: RunDependencies,
  request: RunRequest<P, T>,
): Promise<JobOutcome<T>> {
  const { reporter, clock } = dependencies;
  const audience = new Audience(dependencies.observers, reporter);
  const { run, lock, log, prepared } = await begin(dependencies, request, audience);
  audience.tell("started", run.record);
  try {
    const outcome = await request.work(run, prepared);
    const isWritten = await run.succeed(outcome);
    if (!isWritten) reporter.warn(`the end of run ${run.id} could not be written down, as done as it is`);
    await clearQuietly(log, clock.now(), run);
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

interface Begun<P> {
  prepared: P;
  lock: JobLock;
  log: RunLogOptions;
  run: ActiveRun;
}

/** All up to the record that says that it runs. Where that fails, observers are told, and the job is free again. */
async function begin<P, T>(
  dependencies: RunDependencies,
  request: RunRequest<P, T>,
  audience: Audience,
): Promise<Begun<P>> {
  try {
    const prepared = await request.prepare(dependencies.signal);
    const { storage, signal } = dependencies;
    const check = await checkStorage(storage, { signal });
    const lock = await takeLock(dependencies, request, check);
    const log = { storage, job: request.job, conditional: check.conditional };
    const run = new ActiveRun({ ...dependencies, ...log, lock });
    await enter(dependencies, request, { log, run, lock, audience });
    return { prepared, lock, log, run };
  } catch (error) {
    const record = await recordUnbegun(dependencies, request, error);
    if (record !== undefined) audience.tell("ended", record);
    await audience.done();
    throw error;
  }
}

/** What a holder does before its work; where that fails, it gives the job back. */
async function enter<P, T>(
  dependencies: RunDependencies,
  request: RunRequest<P, T>,
  held: Omit<Begun<P>, "prepared"> & { audience: Audience },
): Promise<void> {
  const { log, run, lock } = held;
  let hasBegun = false;
  try {
    await settlePredecessors(dependencies, request, held);
    if (request.slot !== undefined) await claimSlot(log, request.slot, run.id, run);
    hasBegun = true;
    await run.begin();
  } catch (error) {
    const reason = run.reasonFor(error);
    // Of a record whose writing failed nobody knows whether it is there.
    await lock.release({ settled: !hasBegun });
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
