import { expect, test } from "vitest";
import { UNSET_BACKUP } from "../../../src/config/defaults.ts";
import { DEFAULT_BACKUP } from "../../../src/config/schema.ts";
import { nextRunsOf, scheduledJobs } from "../../../src/schedule/scheduled-jobs.ts";

const HOUR = 60 * 60 * 1000;

const SETTINGS = { ...UNSET_BACKUP, ...DEFAULT_BACKUP };

test("what has a schedule runs, the first one first, each by its own time zone", () => {
  const jobs = scheduledJobs({
    backup: {
      analytics: { ...SETTINGS, schedule: "30 2 * * *", timezone: "Europe/Berlin" },
      production: { ...SETTINGS, schedule: "0 */4 * * *" },
      archive: SETTINGS,
    },
    verify: {},
    prune: {},
    seed: {},
    indexes: {},
  });
  // Half past two in summer time has just been; it comes again an hour later, and does not count again.
  const next = nextRunsOf(jobs, Date.parse("2026-10-25T00:31:00.000Z"));
  expect(next.map(({ job, at }) => [job, new Date(at).toISOString()])).toEqual([
    [{ kind: "backup", name: "production", database: "production" }, "2026-10-25T04:00:00.000Z"],
    [{ kind: "backup", name: "analytics", database: "analytics" }, "2026-10-26T01:30:00.000Z"],
  ]);
});

test("every kind of job has its schedule, and how late it may be where nothing is said", () => {
  const daily = { ...SETTINGS, schedule: "@daily" };
  const settings = { ...daily, server: undefined, allowSourceServer: false };
  const jobs = scheduledJobs({
    backup: { production: { ...daily, runMissed: HOUR } },
    verify: { production: settings },
    prune: { production: settings },
    seed: {},
    indexes: {},
  });
  expect(jobs.map(({ job, missedWithin }) => [job.kind, missedWithin / HOUR])).toEqual([
    ["backup", 1],
    ["verify", 24],
    ["prune", 24],
  ]);
});
