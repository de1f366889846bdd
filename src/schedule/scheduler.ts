import { DataopsError, isDataopsError } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { previousRun } from "./cron.ts";
import { decideSlot, type MissedReason, type SlotPolicy } from "./due-slot.ts";

/** What a scheduler knows of time. */
export interface SchedulerClock {
  /** Milliseconds since the epoch; may jump. */
  now(): number;
  /** Resolves after so many milliseconds, or as soon as the signal fires. Never rejects. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** A job that runs by itself. */
export interface SchedulerJob extends SlotPolicy {
  /** `backup production` */
  title: string;
  /** Milliseconds; a run that takes longer is ended. */
  timeout: number;
  /** Milliseconds; each slot begins up to so much later, so that not everybody begins at once. */
  jitter: number;
  /** Runs for a slot. Its failure is told, and has no other effect here. */
  run: (slot: number, signal: AbortSignal) => Promise<void>;
}

export interface SchedulerOptions {
  clock: SchedulerClock;
  reporter: Reporter;
  /** From 0 up to, not including, 1. */
  random: () => number;
  /** Told of each slot that had no run here. */
  onMissed?: ((job: SchedulerJob, slot: number, reason: MissedReason) => void) | undefined;
  /** No slot is begun after it fires, and runs go on. */
  stop: AbortSignal;
  /** Ends the runs. */
  signal: AbortSignal;
}

/** Milliseconds; a machine that slept, or whose clock was set, notices within this. */
const LONGEST_SLEEP = 30_000;

const REASONS: Readonly<Record<MissedReason, string>> = {
  overrun: "the run before it has not ended",
  overtaken: "a later one is due already",
  "too-late": "it is too long ago",
};

/**
 * Runs jobs by their schedules until `stop` or `signal` fires, and resolves when the last run has ended. No job's failure
 * ends it, and none waits for another.
 */
export async function runScheduler(jobs: readonly SchedulerJob[], options: SchedulerOptions): Promise<void> {
  await Promise.all(jobs.map((job) => keepSchedule(job, options)));
}

async function keepSchedule(job: SchedulerJob, options: SchedulerOptions): Promise<void> {
  const { clock, reporter, onMissed } = options;
  const over = AbortSignal.any([options.stop, options.signal]);
  let considered = beforeLastSlot(job, clock.now());
  let running: Promise<void> | undefined;
  while (!over.aborted) {
    const now = clock.now();
    const decision = decideSlot(now, { considered, isRunning: running !== undefined }, job);
    considered = decision.considered;
    for (const { slot, reason } of decision.missed) {
      const slotText = new Date(slot).toISOString();
      reporter.warn(`${job.title} did not run for ${slotText}: ${REASONS[reason]}`, { slot: slotText });
      onMissed?.(job, slot, reason);
    }
    if (decision.run !== undefined) {
      running = runSlot(job, decision.run, options).finally(() => {
        running = undefined;
      });
    }
    const wait = (decision.lookAgain ?? Infinity) - now;
    await clock.sleep(Math.min(Math.max(wait, 0), LONGEST_SLEEP), over);
  }
  await running;
}

/** A slot that passed before the start is due, if nobody ran for it: the run itself finds that out. */
function beforeLastSlot({ schedule, missedWithin }: SchedulerJob, now: number): number {
  const last = previousRun(schedule, now);
  return last === undefined || now - last > missedWithin ? now : last - 1;
}

async function runSlot(job: SchedulerJob, slot: number, options: SchedulerOptions): Promise<void> {
  const { clock, reporter, random, signal } = options;
  await clock.sleep(random() * job.jitter, signal);
  if (signal.aborted) return;
  const watchdog = new AbortController();
  const ended = new AbortController();
  const either = AbortSignal.any([signal, watchdog.signal]);
  const watching = clock.sleep(job.timeout, ended.signal).then(() => {
    if (!ended.signal.aborted) watchdog.abort(tooLong(job));
  });
  try {
    await job.run(slot, either);
  } catch (error) {
    tell(job, error, reporter);
  } finally {
    ended.abort();
    await watching;
  }
}

function tooLong({ title, timeout }: SchedulerJob): DataopsError {
  return new DataopsError("failed", `${title} was ended: it ran for more than ${timeout / 60_000} minutes`, {
    hint: "find out what it waited for, or allow it more time (`timeout`)",
  });
}

/** That another run holds the job, or ran for the slot, is how it should be with several replicas. */
function tell({ title }: SchedulerJob, error: unknown, reporter: Reporter): void {
  if (isDataopsError(error, "busy")) reporter.info(`${title}: ${error.message}`);
  else if (isDataopsError(error)) reporter.warn(`${title} failed: ${error.message}`, { hint: error.hint });
  else
    reporter.warn(
      `${title} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
}
