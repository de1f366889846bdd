import type { Expectations } from "./expectations.ts";
import type { DatabaseFacts } from "./facts.ts";
import { ok, type Finding } from "./finding.ts";
import { judgeAge, judgeCount, judgeSize, judgeSuspects, judgeUnreadable } from "./judge-backups.ts";
import { judgeRuns } from "./judge-runs.ts";
import { judgeSchedules, type WithSchedule } from "./judge-schedules.ts";
import { judgeVerifications } from "./judge-verifications.ts";

/**
 * What is to be said of a database, the most important thing first: the age of its newest good backup, and whatever is not as
 * it should be. A database without `expected` is not backed up: only its jobs are judged. `scheduled` are those that have a schedule.
 *
 * A pure function of what the storage holds, the configuration and the time (milliseconds since the epoch): a laptop, the daemon
 * and a scheduled task come to the same.
 */
export function judge(
  facts: DatabaseFacts,
  expected: Expectations | undefined,
  now: number,
  scheduled: readonly WithSchedule[] = [],
): Finding[] {
  const runs = [...judgeSchedules(facts, scheduled, now), ...judgeRuns(facts, now)];
  if (expected === undefined) {
    return runs.length === 0 && facts.jobs.length > 0 ? [ok("the last run of each job ended well")] : runs;
  }
  return [
    ...judgeAge(facts, expected, now),
    ...judgeUnreadable(facts),
    ...judgeSuspects(facts),
    ...judgeVerifications(facts, expected, now),
    ...judgeCount(facts, expected),
    ...judgeSize(facts, expected),
    ...runs,
  ];
}
