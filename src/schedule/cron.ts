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
