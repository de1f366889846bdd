import type { Config } from "../config/config.ts";
import { UNSET_SCHEDULE } from "../config/defaults.ts";
import { scheduleOf, type ScheduleSettings } from "../config/schedule.ts";
import type { Job, JobKind } from "../repository/job.ts";
import { nextRun } from "./cron.ts";
import type { SlotPolicy } from "./due-slot.ts";

/** A job that runs by itself. */
export interface ScheduledJob extends SlotPolicy {
  job: Job;
  /** Milliseconds that a run may take. */
  timeout: number;
  /** Milliseconds by which slots begin later, at random, up to this. */
  jitter: number;
}

const HOUR = 60 * 60 * 1000;

/**
 * Milliseconds that a slot may be late which nobody was there for. Staging that is reset at noon because the daemon was away
 * at night helps nobody.
 */
const RUN_MISSED: Readonly<Record<JobKind, number>> = {
  backup: 24 * HOUR,
  verify: 24 * HOUR,
  prune: 24 * HOUR,
  seed: HOUR,
  reindex: HOUR,
};

/** Every job of the configuration that has a schedule. */
export function scheduledJobs(
  config: Pick<Config, "backup" | "verify" | "prune" | "seed" | "indexes">,
): ScheduledJob[] {
  const ofDatabases = (["backup", "verify", "prune", "seed"] as const).flatMap((kind) =>
    Object.entries(config[kind]).flatMap(([name, settings]) =>
      scheduledJob({ kind, name, database: name }, settings),
    ),
  );
  const ofIndexes = Object.entries(config.indexes).flatMap(([name, { database, ...settings }]) =>
    scheduledJob({ kind: "reindex", name, database }, { ...UNSET_SCHEDULE, ...settings }),
  );
  return [...ofDatabases, ...ofIndexes];
}

function scheduledJob(job: Job, settings: ScheduleSettings): ScheduledJob[] {
  const schedule = scheduleOf(settings);
  if (schedule === undefined) return [];
  const { timeout, jitter, blackouts, runMissed = RUN_MISSED[job.kind] } = settings;
  return [{ job, schedule, timeout, jitter, blackouts, missedWithin: runMissed }];
}

/** When a job runs next. */
export interface NextRun {
  job: Job;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What runs next of each of these jobs, after `now` (milliseconds since the epoch), the first one first. */
export function nextRunsOf(jobs: readonly ScheduledJob[], now: number): NextRun[] {
  const next = jobs.flatMap(({ job, schedule }) => {
    const at = nextRun(schedule, now);
    return at === undefined ? [] : [{ job, at }];
  });
  return next.sort((left, right) => left.at - right.at);
}
