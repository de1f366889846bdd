import { paint, type Color, type Display } from "../../observe/display.ts";
import { humanDuration } from "../../observe/human.ts";
import { humanInstant } from "../../observe/instant.ts";
import { hang } from "../../observe/wrap.ts";
import { jobTitle } from "../../repository/job.ts";
import type { RunState } from "../../repository/run-record.ts";
import type { JobFacts, RunFacts } from "../../status/facts.ts";
import { quoted } from "../../status/finding.ts";
import type { DatabaseStatus } from "../../status/read-status.ts";
import { lastEnded, stateOf } from "../../status/run-state.ts";

const COLORS = {
  running: undefined,
  done: "green",
  failed: "red",
  interrupted: "yellow",
  lost: "red",
  fenced: "yellow",
} as const satisfies Record<RunState, Color | undefined>;

/** The last run of each job, and what runs next. */
export function renderJobs(
  { facts, expected, next }: DatabaseStatus,
  now: number,
  display: Display,
): string[] {
  const titles = [...facts.jobs.map(jobTitle), ...next.map(({ job }) => jobTitle(job))];
  const width = Math.max(0, ...titles.map((title) => title.length));
  const runs = facts.jobs.flatMap((job) => {
    const { prefix, text, word, color } = describeJob(job, width, now);
    const [first = "", ...rest] = hang(prefix, text, display.columns);
    return [prefix + first.slice(prefix.length).replace(word, paint(word, color, display)), ...rest];
  });
  const coming = next.flatMap(({ job, at }) =>
    hang(
      `  next  ${jobTitle(job).padEnd(width)}  `,
      `${humanInstant(at, display.timeZone)}, in ${humanDuration(at - now)}`,
      display.columns,
    ),
  );
  const nothing =
    expected !== undefined && next.length === 0 ? ["  next  nothing is scheduled in this configuration"] : [];
  return [...runs, ...coming, ...nothing];
}

function describeJob(
  job: JobFacts,
  width: number,
  now: number,
): { prefix: string; text: string; word: string; color: Color | undefined } {
  const prefix = `  last  ${jobTitle(job).padEnd(width)}  `;
  const [newest] = job.runs;
  if (newest === undefined) return { prefix, text: "no record can be read", word: "", color: undefined };
  const word = stateOf(newest, now);
  const since = humanDuration(now - Date.parse(newest.started));
  if (word === "running") {
    const before = lastEnded(job, now);
    const earlier = before === undefined ? "" : `; before that: ${ended(before, now)}`;
    return { prefix, text: `running, for ${since}${earlier}`, word, color: COLORS[word] };
  }
  return { prefix, text: ended(newest, now) + badBefore(job, now), word, color: COLORS[word] };
}

/** `; of the 4 before it 1 lost, 1 failed`, where that is so: a job that ended well now may still be in trouble. */
function badBefore({ runs: [, ...earlier] }: JobFacts, now: number): string {
  const states = earlier.map((run) => stateOf(run, now)).filter((state) => state !== "done");
  if (states.length === 0) return "";
  const counts = [...Map.groupBy(states, (state) => state)].map(([state, all]) => `${all.length} ${state}`);
  return `; of the ${earlier.length} before it ${counts.join(", ")}`;
}

/** `done 2 h 3 min ago, took 1 min 2 s: …` */
function ended(run: RunFacts, now: number): string {
  const state = stateOf(run, now);
  const message = run.message === null ? "" : `: ${quoted(run.message)}`;
  // Of a lost run only its start is known; its end is when that was found out.
  if (state === "lost" || run.ended === null) {
    return `${state}, begun ${humanDuration(now - Date.parse(run.started))} ago${message}`;
  }
  const took = humanDuration(Date.parse(run.ended) - Date.parse(run.started));
  return `${state} ${humanDuration(now - Date.parse(run.ended))} ago, took ${took}${message}`;
}
