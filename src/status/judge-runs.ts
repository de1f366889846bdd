import { humanDuration, humanPlural } from "../observe/human.ts";
import { jobTitle } from "../repository/job.ts";
import type { RunState } from "../repository/run-record.ts";
import type { DatabaseFacts, JobFacts, RunFacts } from "./facts.ts";
import { quoted, warning, type Finding } from "./finding.ts";
import { lastEnded, stateOf } from "./run-state.ts";

/** Milliseconds; what happened before that is history: the job may not even be configured any more. */
const OLDEST_THAT_MATTERS = 30 * 24 * 3_600_000;

const BAD_ENDS = {
  running: undefined,
  failed: "failed",
  interrupted: "was interrupted",
  lost: "was lost",
  fenced: "was overtaken by another run",
} as const satisfies Record<Exclude<RunState, "done">, string | undefined>;

/** Whether each job's last run that ended ended well. `now` is in milliseconds since the epoch. */
export function judgeRuns(facts: DatabaseFacts, now: number): Finding[] {
  return facts.jobs.flatMap((job) => [...judgeLastRun(job, facts, now), ...judgeRecords(job)]);
}

function judgeLastRun(job: JobFacts, facts: DatabaseFacts, now: number): Finding[] {
  const last = lastEnded(job, now);
  if (last === undefined || now - Date.parse(last.started) > OLDEST_THAT_MATTERS) return [];
  const state = stateOf(last, now);
  const what = outcome({ ...last, state }, facts);
  if (what === undefined) return [];
  const message = last.message === null ? "" : `: ${quoted(last.message)}`;
  return [warning(`${jobTitle(job)} ${what}${whenOf(last, state, now)}${message}`, hintFor(state))];
}

/** How long ago it ended; of a lost run only its start is known. */
function whenOf({ started, ended }: RunFacts, state: RunState, now: number): string {
  if (state === "lost" || ended === null) return `, begun ${humanDuration(now - Date.parse(started))} ago`;
  return ` ${humanDuration(now - Date.parse(ended))} ago`;
}

function judgeRecords(job: JobFacts): Finding[] {
  const [first] = job.unreadable;
  if (first === undefined) return [];
  return [
    warning(
      `${humanPlural(job.unreadable.length, "record")} of runs of ${jobTitle(job)} cannot be read: ${first}`,
      "find out what wrote to the storage",
    ),
  ];
}

/** How it ended, if not well. */
function outcome(run: RunFacts, facts: DatabaseFacts): string | undefined {
  if (run.state !== "done") return BAD_ENDS[run.state];
  return run.exit === "warnings" && !madeSuspect(run, facts) ? "ended with warnings" : undefined;
}

/** Whether that is what it warned of: a suspect backup is a finding of its own, and none any more once it is accepted. */
function madeSuspect({ id }: RunFacts, { backups }: DatabaseFacts): boolean {
  // A run and the backup that it makes have the same id.
  return backups.some(
    (backup) => backup.id === id && backup.state !== "unreadable" && backup.reasons.length > 0,
  );
}

function hintFor(state: RunState): string {
  if (state === "lost") return "see the log of the machine that ran it: it was killed, or lost its network";
  if (state === "fenced")
    return "see the log of the machine that ran it: it stood still for longer than its lease";
  return "see its log, and run it again by hand";
}
