import type { NoticeEvent } from "../config/notify-schema.ts";
import type { RunRecord } from "../repository/run-record.ts";
import { healthOf } from "./health.ts";

/** What a run's end has to be told as. */
export interface Decision {
  event: Exclude<NoticeEvent, "stale">;
  /** The runs right before it that were not good, newest first; runs that say nothing are left out. */
  before: readonly RunRecord[];
  /** Milliseconds without a good run, where that alone made the job stale; for a recovery. */
  gap: number | undefined;
}

export interface DecisionOptions {
  /** Milliseconds that a state lasts until it is told again. */
  repeatEvery: number;
  /** Milliseconds after which the last good run counts as stale; undefined where nothing was promised. */
  maxAge?: number | undefined;
}

/**
 * Whether a run's end is told, and as what: a failure at once, the same failure again only after `repeatEvery`, the first good
 * run after that as the recovery, and a good run after good ones not at all.
 *
 * Decided from the records alone, so that the daemon, a scheduled task and a laptop agree without a memory of what was told:
 * which of the earlier failures were told follows from the same rule.
 *
 * @param run one that has ended
 * @param previous records of the same job, in any order; later ones and the run itself are ignored
 */
export function decideNotice(
  run: RunRecord,
  previous: readonly RunRecord[],
  { repeatEvery, maxAge }: DecisionOptions,
): Decision | undefined {
  const health = healthOf(run);
  if (health === undefined) return undefined;
  const earlier = previous
    .filter((one) => isBefore(one, run) && healthOf(one) !== undefined)
    .toSorted((left, right) => (isBefore(left, right) ? 1 : -1));
  const lastGood = earlier.findIndex((one) => healthOf(one) === "good");
  const before = lastGood === -1 ? earlier : earlier.slice(0, lastGood);
  if (health !== "good") {
    const isTold =
      lastGood === -1 ? isFirstOfSpan(run, before, repeatEvery) : isToldAgain(run, before, repeatEvery);
    if (!isTold) return undefined;
    return { event: health === "failed" ? "failure" : "suspect", before, gap: undefined };
  }
  const good = earlier[lastGood];
  const gap = good === undefined ? 0 : endOf(run) - endOf(good);
  const wasStale = maxAge !== undefined && gap > maxAge;
  if (before.length === 0 && !wasStale) return undefined;
  return { event: "recovery", before, gap: before.length === 0 ? gap : undefined };
}

/** Goes through the bad runs in their order, as each of them was decided at its time. */
function isToldAgain(run: RunRecord, before: readonly RunRecord[], repeatEvery: number): boolean {
  const toldAt = new Map<string, number>();
  let isTold = false;
  for (const one of [...before.toReversed(), run]) {
    const state = stateOf(one);
    const last = toldAt.get(state);
    isTold = last === undefined || endOf(one) - last >= repeatEvery;
    if (isTold) toldAt.set(state, endOf(one));
  }
  return isTold;
}

/**
 * The same where nobody knows when it began, because the records do not reach back as far: once in each span of `repeatEvery`
 * since the epoch, for which the last run of the same state is enough.
 */
function isFirstOfSpan(run: RunRecord, before: readonly RunRecord[], repeatEvery: number): boolean {
  const last = before.find((one) => stateOf(one) === stateOf(run));
  const spanOf = (one: RunRecord): number => Math.floor(endOf(one) / repeatEvery);
  return last === undefined || spanOf(last) < spanOf(run);
}

/** What counts as the same lasting state: a job that fails in another way than before is told at once. */
function stateOf(run: RunRecord): string {
  return run.state === "failed" ? `failed: ${run.exit}` : run.state;
}

/** Ids are told apart by the second, and quick runs may share one. */
function isBefore(left: RunRecord, right: RunRecord): boolean {
  return left.started === right.started ? left.id < right.id : left.started < right.started;
}

/** When a run ended; for a lost one, of which nobody knows, when it started. */
function endOf({ started, ended }: RunRecord): number {
  return Date.parse(ended ?? started);
}

/**
 * Whether what became stale is told at this look: at the first look after it did, and then each `repeatEvery`. Nothing but the
 * time of the look before has to be kept.
 *
 * @param staleSince when it became stale; undefined while it is fresh
 * @param lastLook when somebody last looked and would have told; undefined for the first time
 */
export function decideStale(
  times: { staleSince: number | undefined; lastLook: number | undefined; now: number },
  { repeatEvery }: DecisionOptions,
): boolean {
  const { staleSince, lastLook, now } = times;
  if (staleSince === undefined || now < staleSince) return false;
  if (lastLook === undefined || lastLook < staleSince) return true;
  const repeatsUntil = (at: number): number => Math.floor((at - staleSince) / repeatEvery);
  return repeatsUntil(now) > repeatsUntil(lastLook);
}
