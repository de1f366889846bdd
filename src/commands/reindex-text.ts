import { humanBytes, humanCount, humanDuration, humanPlural } from "../observe/human.ts";
import type { ListedIndex, ReindexStatus } from "../reindex/status.ts";
import type { JobFacts, RunFacts } from "../status/facts.ts";
import { lastEnded, stateOf } from "../status/run-state.ts";
import type { ReindexedIndex } from "./reindex-index.ts";

/** What `dataops reindex` and its actions say to people, who may be in a hurry. */

/** The outcome of a reindex. */
export function describeReindexed({ name, outcome }: ReindexedIndex): string {
  if (outcome === null) return `${name} is built`;
  const { index, documents, duration, passes, removed, refusedCount } = outcome;
  const rate = humanCount(Math.round(documents / Math.max(0.001, duration / 1_000)));
  const left = refusedCount === 0 ? "" : `, ${humanPlural(refusedCount, "document")} refused`;
  const gone = removed.length === 0 ? "" : `; deleted ${removed.join(", ")}`;
  return `${name} stands for ${index}: ${humanPlural(documents, "document")} in ${humanDuration(duration)}, ${rate}/s, ${humanCount(passes)} passes${left}${gone}`;
}

/**
 * How things stand with an index, what is at work, and what can be done.
 *
 * @param job the newest runs; undefined where it never ran
 * @param now milliseconds since the epoch
 */
export function describeReindexStatus(
  { alias, kind, current, kept, unfinished }: ReindexStatus,
  job: JobFacts | undefined,
  now: number,
): string {
  const running = runningOf(job, now);
  return [
    ...(kind === "alias"
      ? current.map((index) => `${alias} stands for ${describeIndex(index, now)}`)
      : [whereNothing(alias, kind)]),
    ...kept.map((index) => `  kept        ${describeIndex(index, now)}`),
    ...unfinished.map((index) => `  unfinished  ${describeUnfinished(index, { alias, running, now })}`),
    ...describeRuns(job, now),
  ].join("\n");
}

/** An index that a program of the team's builds: nothing is known of it but its runs. */
export function describeOwnDriver(alias: string, job: JobFacts | undefined, now: number): string {
  return [`${alias} is built by your own application, which knows more`, ...describeRuns(job, now)].join(
    "\n",
  );
}

/** Where a rollback led, and the way back from it. */
export function describeRollback(
  alias: string,
  { from, to }: { from: readonly string[]; to: readonly string[] },
): string {
  const left = from.filter((name) => !to.includes(name));
  const back =
    left.length === 1 ? `\n\`dataops reindex rollback ${alias} --to ${left[0]}\` would take that back` : "";
  return `${alias} stands for ${to.join(", ")} now, no more for ${left.join(", ")}, which is kept; what was written since is not in it${back}`;
}

/** What an abort deleted. */
export function describeAborted(alias: string, { removed }: { removed: readonly string[] }): string {
  if (removed.length === 0) return `nothing of ${alias} is unfinished: nothing was deleted`;
  return `deleted ${removed.join(", ")}, which was never finished: the next reindex of ${alias} starts anew; what searches use was not touched`;
}

function whereNothing(alias: string, kind: "free" | "index"): string {
  return kind === "free"
    ? `${alias} stands for nothing, searches do not find it: \`dataops reindex ${alias}\` builds it`
    : `${alias} is an index, not an alias: \`dataops reindex ${alias} --adopt\` builds a new one, and deletes this one in the step that makes the alias`;
}

function describeIndex({ name, documents, bytes, created }: ListedIndex, now: number): string {
  const size =
    documents === null || bytes === null
      ? "closed"
      : `${humanPlural(documents, "document")}, ${humanBytes(bytes)}`;
  return `${name}: ${size}, begun ${since(created, now)}`;
}

function describeUnfinished(
  { name, progress }: ReindexStatus["unfinished"][number],
  { alias, running, now }: { alias: string; running: RunFacts | undefined; now: number },
): string {
  const what =
    running === undefined
      ? `no run is at work: \`dataops reindex ${alias}\` goes on with it, \`dataops reindex abort ${alias}\` deletes it`
      : "a run is at work";
  if (progress === null) return `${name}: nothing is known of how far it came; ${what}`;
  const { documents, documentsSettled, updated } = progress;
  const percent = documents === 0 ? 100 : Math.floor((documentsSettled / documents) * 100);
  const done = `${humanCount(documentsSettled)} of ${humanPlural(documents, "document")} (${percent} %), as of ${since(updated, now)}`;
  return `${name}: ${done}; ${what}`;
}

function describeRuns(job: JobFacts | undefined, now: number): string[] {
  const running = runningOf(job, now);
  const last = job === undefined ? undefined : lastEnded(job, now);
  return [
    ...(running === undefined
      ? []
      : [`  at work     ${running.id}, for ${humanDuration(now - Date.parse(running.started))}`]),
    ...(last === undefined ? [] : [`  last run    ${describeEnd(last, now)}`]),
  ];
}

function describeEnd(run: RunFacts, now: number): string {
  const when = since(run.ended ?? run.started, now);
  return `${stateOf(run, now)} ${when}${run.message === null ? "" : `: ${run.message}`}`;
}

function runningOf(job: JobFacts | undefined, now: number): RunFacts | undefined {
  return job?.runs.find((run) => stateOf(run, now) === "running");
}

function since(instant: string, now: number): string {
  return `${humanDuration(now - Date.parse(instant))} ago`;
}
