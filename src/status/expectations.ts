import type { BackupConfig } from "../config/config.ts";
import { scheduleOf, type Schedule } from "../config/schedule.ts";
import { nextRuns } from "../schedule/cron.ts";

/** What a database's backups are held to. */
export interface Expectations {
  schedule: Schedule | undefined;
  /** Milliseconds; undefined: as the schedule says. */
  maxAge: number | undefined;
  /** The least number of good backups. */
  minimum: number;
  /** How far the size may be from the median: 0.5 is half of it. */
  maxSizeChange: number;
  /** Milliseconds; undefined: nobody asks for verifications. */
  maxVerificationAge: number | undefined;
}

const HOUR = 3_600_000;

/** Where neither an age nor a schedule is configured: one backup a day, made by something else, and an hour for it. */
const AGE_WITHOUT_SCHEDULE = 25 * HOUR;

/** A scheduled backup that is due has as long to be made before the one before it counts as stale. */
const LONGEST_GRACE = HOUR;

/** The expectations in a database's backup settings. */
export function expectationsOf(settings: BackupConfig): Expectations {
  const { maxAge, minimum, maxSizeChange, maxVerificationAge } = settings;
  return { schedule: scheduleOf(settings), maxAge, minimum, maxSizeChange, maxVerificationAge };
}

/**
 * When a backup that started at `started` becomes stale, in milliseconds since the epoch: after `maxAge`, else when the second
 * scheduled backup after it is overdue. It follows from the backup and the configuration alone, so that every machine agrees.
 */
export function staleAt(
  started: number,
  { schedule, maxAge }: Pick<Expectations, "schedule" | "maxAge">,
): number {
  if (maxAge !== undefined) return started + maxAge;
  const [first, second] = schedule === undefined ? [] : nextRuns(schedule, started, 2);
  if (first === undefined || second === undefined) return started + AGE_WITHOUT_SCHEDULE;
  return second + Math.min(LONGEST_GRACE, (second - first) / 4);
}
