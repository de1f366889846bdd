import type { KeepRules } from "../config/config.ts";

/**
 * Which backups stay, and by which rules. Pure: only the backups' start times, in UTC, decide, and the clock only where a
 * backup claims to be from the future. Whoever decides again about what stayed decides the same.
 */

/** A backup, as far as retention looks at it. */
export interface Candidate {
  id: string;
  /** Milliseconds since the epoch. */
  started: number;
  state: "good" | "suspect" | "unreadable";
  /** Whether a person has pinned it. */
  isKept: boolean;
}

/** Why a backup stays. Those from `last` on are the configuration's rules. */
export type KeepReason =
  | "newest good"
  | "kept"
  | "no rules"
  | "unreadable"
  | "newer than every good one"
  | keyof KeepRules;

export interface Verdict {
  id: string;
  /** Empty: it goes. */
  keptBy: KeepReason[];
}

/**
 * Decides about all backups of one database.
 *
 * - Good ones: each rule by itself keeps some of them; what any rule keeps stays. The newest one stays, whatever the rules.
 * - Suspect ones are not counted among those. The same rules are applied to them as if they were alone, and those that are
 *   newer than every good one stay: each may turn out to be what it should be.
 * - What cannot be read stays, and so does what a person keeps. Without rules everything stays.
 *
 * @param now milliseconds since the epoch
 * @returns a verdict for each candidate, newest first
 */
export function decideRetention(
  candidates: readonly Candidate[],
  rules: KeepRules | undefined,
  now: number,
): Verdict[] {
  const sorted = candidates.toSorted(newestFirst);
  const reasons = new Map<Candidate, Set<KeepReason>>(sorted.map((candidate) => [candidate, new Set()]));
  const keep = (candidate: Candidate | undefined, reason: KeepReason): void => {
    if (candidate !== undefined) reasons.get(candidate)?.add(reason);
  };
  const good = sorted.filter(({ state }) => state === "good");
  const suspect = sorted.filter(({ state }) => state === "suspect");
  const [newest] = good;

  keep(newest, "newest good");
  for (const candidate of sorted) {
    if (candidate.isKept) keep(candidate, "kept");
    if (candidate.state === "unreadable") keep(candidate, "unreadable");
    if (rules === undefined) keep(candidate, "no rules");
  }
  for (const candidate of suspect) {
    if (newest === undefined || newestFirst(candidate, newest) < 0)
      keep(candidate, "newer than every good one");
  }
  // An age is counted from the newest backup, not from now: where no more are made, none is lost for that.
  const reference = Math.min(now, (newest ?? suspect[0])?.started ?? now);
  for (const series of [good, suspect]) {
    for (const [rule, kept] of applyRules(series, rules ?? {}, reference)) {
      for (const candidate of kept) keep(candidate, rule);
    }
  }
  return sorted.map((candidate) => ({ id: candidate.id, keptBy: [...(reasons.get(candidate) ?? [])] }));
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The number of the period of UTC that an instant lies in. */
const PERIODS = {
  hourly: (instant) => Math.floor(instant / HOUR),
  daily: (instant) => Math.floor(instant / DAY),
  // The epoch was a Thursday: three days after a Monday.
  weekly: (instant) => Math.floor((instant / DAY + 3) / 7),
  monthly: (instant) => yearOf(instant) * 12 + new Date(instant).getUTCMonth(),
  yearly: yearOf,
} as const satisfies Partial<Record<keyof KeepRules, (instant: number) => number>>;

function yearOf(instant: number): number {
  return new Date(instant).getUTCFullYear();
}

/** What each rule keeps of a series, which is sorted. */
function applyRules(
  series: readonly Candidate[],
  rules: KeepRules,
  reference: number,
): [rule: keyof KeepRules, kept: readonly Candidate[]][] {
  const { last = 0, within } = rules;
  const bucketed = (["hourly", "daily", "weekly", "monthly", "yearly"] as const).map(
    (rule): [keyof KeepRules, readonly Candidate[]] => [
      rule,
      newestOfEach(series, PERIODS[rule]).slice(0, rules[rule] ?? 0),
    ],
  );
  return [
    ["last", series.slice(0, last)],
    ["within", within === undefined ? [] : series.filter(({ started }) => started >= reference - within)],
    ...bucketed,
  ];
}

/** The newest candidate of each period that has one, newest first. */
function newestOfEach(series: readonly Candidate[], periodOf: (instant: number) => number): Candidate[] {
  return series.filter((candidate, index) => {
    const newer = series[index - 1];
    return newer === undefined || periodOf(newer.started) !== periodOf(candidate.started);
  });
}

/** Ties of the same millisecond are broken by the id, as the catalogue does. */
function newestFirst(left: Candidate, right: Candidate): number {
  return right.started - left.started || (left.id < right.id ? 1 : -Number(left.id > right.id));
}
