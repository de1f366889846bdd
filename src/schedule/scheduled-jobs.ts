import type { Config } from "../config/config.ts";
import { scheduleOf, type Schedule } from "../config/schedule.ts";
import type { Job } from "../repository/job.ts";
import { nextRun } from "./cron.ts";

/** A job that runs by itself. */
export interface ScheduledJob {
  job: Job;
  schedule: Schedule;
}

/** Every job of the configuration that has a schedule. */
export function scheduledJobs({ backup }: Pick<Config, "backup">): ScheduledJob[] {
  return Object.entries(backup).flatMap(([name, settings]) => {
    const schedule = scheduleOf(settings);
    return schedule === undefined ? [] : [{ job: { kind: "backup", name, database: name }, schedule }];
  });
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
