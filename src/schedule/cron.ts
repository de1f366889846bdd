import { Cron } from "croner";
import { cronOptions, type Schedule } from "../config/schedule.ts";

/**
 * The first `count` instants after `from` that a schedule stands for, in milliseconds since the epoch; fewer where it ends.
 * They follow from the arguments alone: every machine comes to the same ones, whatever its own time zone.
 */
export function nextRuns({ pattern, timezone }: Schedule, from: number, count: number): number[] {
  const cron = new Cron(pattern, cronOptions(timezone));
  return cron.nextRuns(count, new Date(from)).map((date) => date.getTime());
}

/** The first instant after `from`; undefined where there is none. Milliseconds since the epoch. */
export function nextRun(schedule: Schedule, from: number): number | undefined {
  return nextRuns(schedule, from, 1)[0];
}

/** The last instant up to `to` that a schedule stands for; undefined where there was none. Milliseconds since the epoch. */
export function previousRun({ pattern, timezone }: Schedule, to: number): number | undefined {
  // Croner's are before the instant, and whole seconds.
  return new Cron(pattern, cronOptions(timezone)).previousRuns(1, new Date(to + 1))[0]?.getTime();
}

/** The instants after `from` and up to `to` that a schedule stands for, in their order; of more than `most` the last ones. */
export function runsBetween(
  { pattern, timezone }: Schedule,
  from: number,
  to: number,
  most: number,
): number[] {
  const cron = new Cron(pattern, cronOptions(timezone));
  const runs: number[] = [];
  for (let run = cron.nextRun(new Date(from)); run !== null && run.getTime() <= to; run = cron.nextRun(run)) {
    runs.push(run.getTime());
    if (runs.length > most) runs.shift();
  }
  return runs;
}
