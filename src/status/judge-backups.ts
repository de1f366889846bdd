import { humanBytes, humanDuration, humanPlural } from "../observe/human.ts";
import { staleAt, type Expectations } from "./expectations.ts";
import { goodBackups, newestGood, type DatabaseFacts, type ReadableBackup } from "./facts.ts";
import { critical, ok, quoted, warning, type Finding } from "./finding.ts";

/** Backups that a median of sizes is taken of. */
const MOST_FOR_MEDIAN = 30;

/** Fewer sizes have no trend. */
const LEAST_FOR_MEDIAN = 3;

/** Milliseconds that two machines' clocks may differ without a word. */
const CLOCK_TOLERANCE = 5 * 60_000;

/** Whether the newest good backup is new enough. `now` is in milliseconds since the epoch. */
export function judgeAge(facts: DatabaseFacts, expected: Expectations, now: number): Finding[] {
  const newest = newestGood(facts);
  if (newest === undefined) return [noGoodBackup(facts)];
  const started = Date.parse(newest.started);
  if (started - now > CLOCK_TOLERANCE) {
    return [
      warning(
        `newest good backup is from ${humanDuration(started - now)} in the future`,
        "set the clock of this machine, or of the one that makes the backups",
      ),
    ];
  }
  const limit = humanDuration(staleAt(started, expected) - started);
  const age = humanDuration(now - started);
  if (now >= staleAt(started, expected)) {
    return [
      critical(
        `newest good backup is ${age} old, stale after ${limit}`,
        `see what became of the last runs: \`dataops status ${facts.database}\`; make one now: \`dataops backup ${facts.database}\``,
      ),
    ];
  }
  return [ok(`newest good backup is ${age} old, stale after ${limit}`)];
}

function noGoodBackup({ database, backups, total }: DatabaseFacts): Finding {
  const hint = `make one: \`dataops backup ${database}\``;
  if (total === 0)
    return critical("there is no backup", `${hint}, or check that the storage's prefix is right`);
  const suspects = backups.filter(({ state }) => state === "suspect").length;
  const made =
    suspects === total ? `${humanPlural(total, "backup")}, all suspect` : humanPlural(total, "backup");
  return critical(`there is no good backup (${made})`, hint);
}

/** Backups that exist and cannot be read. */
export function judgeUnreadable(facts: DatabaseFacts): Finding[] {
  const unreadable = facts.backups.filter((backup) => backup.state === "unreadable");
  const [newest] = unreadable;
  if (newest === undefined) return [];
  const hint = "find out what wrote to the storage; what is newer or older than it still restores";
  const which = unreadable.length === 1 ? "" : `; ${humanPlural(unreadable.length, "backup")} like it`;
  const what = `the manifest of backup ${newest.id} ${quoted(newest.error)}${which}`;
  // Behind a newer good one it is history; before it, it is the latest.
  const isNewest = facts.backups
    .slice(0, facts.backups.indexOf(newest))
    .every(({ state }) => state !== "good");
  return [isNewest ? critical(what, hint) : warning(what, hint)];
}

/** Suspect backups that are newer than the newest good one: until somebody looks at them, nothing newer can be fetched. */
export function judgeSuspects({ backups }: DatabaseFacts): Finding[] {
  const newestGoodIndex = backups.findIndex(({ state }) => state === "good");
  const newer = newestGoodIndex === -1 ? backups : backups.slice(0, newestGoodIndex);
  const suspects = newer.filter((backup): backup is ReadableBackup => backup.state === "suspect");
  const [newest] = suspects;
  if (newest === undefined) return [];
  const others =
    suspects.length === 1 ? "" : ` (and ${humanPlural(suspects.length - 1, "suspect")} before it)`;
  return [
    warning(
      `backup ${newest.id} is suspect${others}: ${quoted(newest.reasons.join("; "))}`,
      `look at it: \`dataops show ${newest.id}\`; if it is right: \`dataops accept ${newest.id}\``,
    ),
  ];
}

/** Whether there are as many good backups as there should be. */
export function judgeCount(facts: DatabaseFacts, { minimum }: Expectations): Finding[] {
  const good = goodBackups(facts).length;
  // None at all is said already, and is worse.
  if (good === 0 || good >= minimum) return [];
  return [
    warning(
      `${humanPlural(good, "good backup")}, fewer than ${minimum}`,
      "if this is a new database, wait; otherwise see what keeps or removes backups (`keep`, and the bucket's lifecycle rules)",
    ),
  ];
}

/** Whether the newest good backup is about as large as those before it. */
export function judgeSize(facts: DatabaseFacts, { maxSizeChange }: Expectations): Finding[] {
  const [newest, ...rest] = goodBackups(facts);
  const earlier = rest.slice(0, MOST_FOR_MEDIAN).map(({ size }) => size);
  if (newest === undefined || earlier.length < LEAST_FOR_MEDIAN) return [];
  const usual = median(earlier);
  const change = usual === 0 ? 0 : newest.size / usual - 1;
  if (Math.abs(change) <= maxSizeChange) return [];
  const percent = `${Math.round(Math.abs(change) * 100)} % ${change < 0 ? "less" : "more"}`;
  return [
    warning(
      `newest good backup holds ${humanBytes(newest.size)}, ${percent} than the median of the ${earlier.length} before it (${humanBytes(usual)})`,
      `see which tables changed: \`dataops show ${newest.id}\`; \`maxSizeChange\` sets how much is usual`,
    ),
  ];
}

/** The middle one by size; of an even number, the mean of the middle two. `values` is not empty. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
