import { humanDuration, humanPlural } from "../observe/human.ts";
import { jobTitle, type JobKind } from "../repository/job.ts";
import type { ScheduledJob } from "../schedule/scheduled-jobs.ts";
import { staleAt } from "./expectations.ts";
import type { DatabaseFacts, JobFacts } from "./facts.ts";
import { critical, ok, warning, type Finding } from "./finding.ts";

/** As much of a scheduled job as says when it should have run. */
export type WithSchedule = Pick<ScheduledJob, "job" | "schedule">;

/** What others wait for. That nobody verifies or prunes is bad in the long run only. */
const WAITED_FOR: readonly JobKind[] = ["seed", "reindex"];

/**
 * Whether each scheduled job last ended well in time: by the same rule as a backup, which is judged by itself. `now` is in
 * milliseconds since the epoch.
 */
export function judgeSchedules(
  { jobs }: Pick<DatabaseFacts, "jobs">,
  scheduled: readonly WithSchedule[],
  now: number,
): Finding[] {
  return scheduled
    .filter(({ job }) => job.kind !== "backup")
    .flatMap((one) => {
      const known = jobs.find(({ kind, name }) => kind === one.job.kind && name === one.job.name);
      return judgeScheduled(one, known, now);
    });
}

function judgeScheduled(
  { job, schedule }: WithSchedule,
  known: JobFacts | undefined,
  now: number,
): Finding[] {
  const title = jobTitle(job);
  const hint = `run it now: \`dataops ${title}\`, and see that the daemon runs, or what else fires it`;
  const overdue = WAITED_FOR.includes(job.kind) ? critical : warning;
  const [newest] = known?.runs ?? [];
  // It may have been scheduled a minute ago.
  if (known === undefined || newest === undefined) return [warning(`${title} has never run`, hint)];
  const good = known.runs.find(({ state }) => state === "done");
  // Of what was read the oldest stands for all that was not: the last good one is older still.
  const started = Date.parse((good ?? known.runs.at(-1) ?? newest).started);
  const limit = staleAt(started, { schedule, maxAge: undefined });
  const within = humanDuration(limit - started);
  if (now < limit) {
    if (good === undefined) return [];
    return [ok(`${title} last ended well ${humanDuration(now - started)} ago, overdue after ${within}`)];
  }
  const what =
    good === undefined
      ? `none of the last ${humanPlural(known.runs.length, "run")} of ${title} ended well`
      : `${title} last ended well ${humanDuration(now - started)} ago, overdue after ${within}`;
  return [overdue(what, hint)];
}
