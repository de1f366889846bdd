import type { KeepRules } from "../../config/config.ts";
import { startOfRun } from "../../repository/run-record.ts";
import type { BackupObjects } from "../../repository/inventory.ts";
import { backupOfPack } from "../../repository/keys.ts";
import { decideRetention, type Candidate, type Verdict } from "../retention.ts";
import { lastTouched, type Survey, type SurveyedPack } from "./survey.ts";

const HOUR = 3_600_000;

/** Milliseconds that a pack which no manifest names stays, and whatever else a dead run left: `docs/format.md` has why. */
const GRACE = 48 * HOUR;

/** Milliseconds that a tombstone stays: longer than its run could sleep, and than that run's packs stay. */
const TOMBSTONE_AGE = 7 * 24 * HOUR;

/** What was decided about one backup. */
export interface PlannedBackup extends Verdict {
  started: number;
  state: Candidate["state"];
  /** Bytes of its own objects, without packs. */
  size: number;
}

/** What a prune would delete, in the order in which it does. */
export interface PrunePlan {
  /** Every backup, newest first. */
  backups: PlannedBackup[];
  /** Those of them that go. */
  removals: BackupObjects[];
  /** What dead runs left, and tombstones that have stood long enough. */
  leftovers: BackupObjects[];
  /** Packs that no backup needs that stays. */
  packs: SurveyedPack[];
  /** Whether packs stay only because a manifest cannot be read, which may need any of them. */
  isBlind: boolean;
  /** Bytes of all that goes. */
  bytes: number;
  /** Good backups, before and after. */
  good: { before: number; after: number };
}

/** Decides what goes. Pure; `now` in milliseconds since the epoch. */
export function planPrune(survey: Survey, rules: KeepRules | undefined, now: number): PrunePlan {
  const unreadable = survey.unreadable.map(({ id }): Candidate => ({
    id,
    started: startOfRun(id),
    state: "unreadable",
    // Stays anyway.
    isKept: false,
  }));
  const candidates = new Map<string, Candidate>(
    [...survey.backups, ...unreadable].map((one) => [one.id, one]),
  );
  const backups = decideRetention([...candidates.values()], rules, now).flatMap(
    (verdict): PlannedBackup[] => {
      const candidate = candidates.get(verdict.id);
      if (candidate === undefined) return [];
      const { started, state } = candidate;
      return [{ ...verdict, started, state, size: sizeOf(survey.objects.get(verdict.id)) }];
    },
  );
  const going = new Set(backups.filter(({ keptBy }) => keptBy.length === 0).map(({ id }) => id));
  const removals = [...survey.objects.values()].filter(({ id }) => going.has(id)).sort(oldestFirst);
  const leftovers = findLeftovers(survey, now);
  const isBlind = survey.unreadable.length > 0;
  const needed = new Set(survey.backups.filter(({ id }) => !going.has(id)).flatMap((backup) => backup.packs));
  const unneeded = survey.packs.filter(
    (pack) => !needed.has(pack.name) && now - lastTouched(backupOfPack(pack.name), [pack]) > GRACE,
  );
  const packs = isBlind ? [] : unneeded;
  const good = backups.filter(({ state }) => state === "good");
  return {
    backups,
    removals,
    leftovers,
    packs,
    isBlind: isBlind && unneeded.length > 0,
    bytes:
      [...removals, ...leftovers].reduce((sum, objects) => sum + sizeOf(objects), 0) +
      packs.reduce((sum, { size }) => sum + size, 0),
    good: { before: good.length, after: good.filter(({ keptBy }) => keptBy.length > 0).length },
  };
}

/** Whether a plan deletes so much that somebody should have said so: more than half of the good backups. Pure. */
export function isTooMany({ good }: Pick<PrunePlan, "good">): boolean {
  return good.after * 2 < good.before;
}

function findLeftovers({ objects, abandoned }: Survey, now: number): BackupObjects[] {
  const tombstones = new Map(abandoned.map(({ id, abandoned: { at } }) => [id, Date.parse(at)]));
  return [...objects.values()]
    .filter((backup) => {
      const touched = lastTouched(backup.id, backup.objects.values());
      const buried = tombstones.get(backup.id);
      if (buried !== undefined) return now - Math.max(touched, buried) > TOMBSTONE_AGE;
      return !backup.objects.has("manifest") && now - touched > GRACE;
    })
    .sort(oldestFirst);
}

function sizeOf(backup: BackupObjects | undefined): number {
  return [...(backup?.objects.values() ?? [])].reduce((sum, { size }) => sum + size, 0);
}

function oldestFirst({ id: left }: BackupObjects, { id: right }: BackupObjects): number {
  return left < right ? -1 : Number(left > right);
}
