import { Cron, type CronOptions } from "croner";
import { z } from "zod";
import { duration } from "./schema-values.ts";

/** When a job runs, as every scheduled job's configuration has it. */
export interface Schedule {
  /** Five fields, `0 4 * * *`, or a nickname such as `@daily`. */
  pattern: string;
  /** The IANA time zone that the fields are in. */
  timezone: string;
}

/** A part of each day in which a job does not begin, in the schedule's time zone. */
export interface BlackoutWindow {
  /** `22:30` */
  from: string;
  /** `02:00`; the next day's where it is not later than `from`. */
  to: string;
}

/** What the configuration of every job says of when it runs by itself. */
export interface ScheduleSettings {
  /** A cron pattern; undefined: it does not run by itself. */
  schedule: string | undefined;
  /** The schedule's, by its IANA name. */
  timezone: string;
  /** Milliseconds that a slot may be late which nobody was there for; undefined: as the job's kind has it. */
  runMissed: number | undefined;
  /** Milliseconds that a run may take. */
  timeout: number;
  /** Milliseconds by which slots begin later, at random, up to this. */
  jitter: number;
  blackouts: readonly BlackoutWindow[];
}

/** Fields are separated by spaces; a nickname stands alone. Croner would also take a date. */
const PATTERN_SHAPE = /^(@[a-z]+|\S+( \S+){4})$/;

const EXAMPLES = 'such as "0 */4 * * *" or "@daily"';

/**
 * How every pattern is read: minutes are the finest, and as in cron either of day of month and day of week will do. Hours that
 * are named (`30 2,14 * * *`) come once a day each, also when clocks change.
 */
export function cronOptions(timezone: string): CronOptions {
  return { mode: "5-part", timezone, fixedTimeRule: "no-wildcard", paused: true };
}

/** A cron pattern that some day comes. */
const cronPattern = z
  .string({ error: `expected a cron pattern ${EXAMPLES}` })
  .max(200)
  .transform((text) => text.trim().replaceAll(/\s+/g, " "))
  .superRefine((pattern, context) => {
    const problem = problemOf(pattern);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

const timeZoneName = z.string().refine(isTimeZone, {
  error: "expected a time zone by its IANA name, such as America/New_York or UTC",
});

const WINDOW = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

const blackoutWindow = z
  .string()
  .regex(WINDOW, "expected a part of the day such as 22:30-02:00")
  .transform((text): BlackoutWindow => {
    const [from = "", to = ""] = text.split("-");
    return { from, to };
  })
  .refine(({ from, to }) => from !== to, { error: "a window of all the day leaves no time to run" });

/** The keys of a job that runs by itself; spread into the job's own. */
export const scheduleKeys = {
  schedule: cronPattern
    .optional()
    .describe(
      "when it runs by itself: a cron pattern of five fields (minute, hour, day of month, month, day of week), or `@daily` and the like",
    ),
  timezone: timeZoneName
    .prefault("UTC")
    .describe(
      "the time zone of `schedule`. A time of day that a clock change skips comes right after it; one that it repeats comes once",
    ),
  runMissed: duration({ least: "0s", most: "31d" })
    .optional()
    .describe(
      "how late a scheduled instant is made up for that nobody was there for, as the daemon was away: 1d by default, 1h where staging or an index is rebuilt",
    ),
  timeout: duration({ least: "1m", most: "7d" })
    .prefault("12h")
    .describe("how long a scheduled run may take before it is ended"),
  jitter: duration({ least: "0s", most: "1h" })
    .prefault("0s")
    .describe("scheduled runs begin later by a part of this, at random, so that not all begin at once"),
  blackouts: z
    .array(blackoutWindow)
    .max(20)
    .default([])
    .describe("parts of the day, `22:30-02:00`, in which no scheduled run begins: it waits for their end"),
};

/** The schedule in a job's settings, if it has one. */
export function scheduleOf(settings: {
  schedule: string | undefined;
  timezone: string;
}): Schedule | undefined {
  if (settings.schedule === undefined) return undefined;
  return { pattern: settings.schedule, timezone: settings.timezone };
}

function problemOf(pattern: string): string | undefined {
  if (!PATTERN_SHAPE.test(pattern)) {
    return `expected a cron pattern of five fields (minute, hour, day of month, month, day of week) ${EXAMPLES}`;
  }
  try {
    const next = new Cron(pattern, cronOptions("UTC")).nextRun();
    return next === null ? "this cron pattern never comes: there is no such day" : undefined;
  } catch (error) {
    // Croner's own words name the field: "CronPattern: Invalid value for hour: 25".
    const words = error instanceof Error ? error.message.replace(/^\w+: /, "") : String(error);
    return `not a cron pattern: ${words.charAt(0).toLowerCase()}${words.slice(1)}`;
  }
}

function isTimeZone(name: string): boolean {
  // The default is checked at every start, and the first look into the time zones takes 30 ms.
  if (name === "UTC") return true;
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    // An offset such as +02:00 would be taken, too, and is no place: its clocks never change.
    return /^[A-Za-z]/.test(timeZone);
  } catch {
    return false;
  }
}
