import type { KeepRules } from "../../config/config.ts";
import { DataopsError } from "../../errors.ts";
import { humanPlural } from "../../observe/human.ts";
import type { WithLease } from "../../repository/job-lease.ts";
import { clearProbes } from "../../storage/probe.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import { carryOut, type Deleted } from "./carry-out.ts";
import { isTooMany, planPrune, type PrunePlan } from "./plan.ts";
import { survey, type Survey } from "./survey.ts";

export interface PruneDependencies {
  storage: Storage;
  signal: AbortSignal;
  /** Milliseconds since the epoch. */
  now(): number;
  withLease: WithLease;
}

export interface PruneRequest {
  /** The database's name in the configuration. */
  database: string;
  /** Undefined: every backup stays. */
  rules: KeepRules | undefined;
  /** Whether more than half of the good backups may go at once. */
  allowMany: boolean;
}

export interface PruneOutcome {
  plan: PrunePlan;
  survey: Survey;
  /** Undefined for a preview. */
  deleted: Deleted | undefined;
  /** What there is to warn of, in one line each. */
  warnings: string[];
}

/**
 * What `prune` would do. Deletes nothing.
 *
 * @throws StorageError where the storage cannot be listed or read whole
 */
export async function previewPrune(
  dependencies: Omit<PruneDependencies, "withLease">,
  { database, rules }: Omit<PruneRequest, "allowMany">,
): Promise<PruneOutcome> {
  const found = await survey(dependencies.storage, database, dependencies.signal);
  const plan = planPrune(found, rules, dependencies.now());
  return { plan, survey: found, deleted: undefined, warnings: warningsOf(plan, found) };
}

/**
 * Deletes the backups of one database that no rule keeps, and what nobody needs any more. While it does, no backup of the
 * database runs: it could refer to packs that go.
 *
 * A storage that forbids deleting is a warning: all that was there is there.
 *
 * @throws DataopsError `busy` where a backup runs; `refused` where too many would go; StorageError where the storage cannot
 *   be listed or read whole, before anything is deleted; the signal's reason
 */
export async function prune(dependencies: PruneDependencies, request: PruneRequest): Promise<PruneOutcome> {
  const { storage } = dependencies;
  const { database, rules, allowMany } = request;
  return await dependencies.withLease({ kind: "backup", name: database, database }, async (hold) => {
    const found = await survey(storage, database, hold.signal);
    const plan = planPrune(found, rules, dependencies.now());
    if (isTooMany(plan) && !allowMany) throw tooMany(database, plan);
    const deleted: Deleted = { backups: 0, leftovers: 0, packs: 0, bytes: 0 };
    const warnings = warningsOf(plan, found);
    try {
      await carryOut({ storage, database, survey: found, plan, hold, deleted });
      await clearProbes(storage, dependencies.now(), { signal: hold.signal });
    } catch (error) {
      if (!isStorageError(error, "not-permitted")) throw error;
      warnings.push(notPermitted(error.message, deleted));
    }
    return { plan, survey: found, deleted, warnings };
  });
}

/** How many good backups a plan takes away, of how many. */
export function describeMany({ good }: Pick<PrunePlan, "good">): string {
  return `${good.before - good.after} of ${humanPlural(good.before, "good backup")}`;
}

function warningsOf({ isBlind }: PrunePlan, { unreadable }: Survey): string[] {
  return [
    ...unreadable.map(({ error }) => error.message),
    ...(isBlind
      ? [
          `packs that seem to be needed by no backup stay: ${unreadable.map(({ key }) => key).join(", ")} cannot be read, and may need them`,
        ]
      : []),
  ];
}

function notPermitted(message: string, { backups, leftovers, packs }: Deleted): string {
  const what =
    backups + leftovers + packs === 0
      ? "nothing was deleted"
      : `only ${humanPlural(backups, "backup")} and ${humanPlural(packs, "pack")} were deleted`;
  return `${what}, since the storage does not permit it: ${message}`;
}

function tooMany(database: string, plan: PrunePlan): DataopsError {
  return new DataopsError(
    "refused",
    `${describeMany(plan)} of ${database} would be deleted, more than half`,
    {
      hint: `look at \`dataops prune ${database}\`; if that is what you mean, add --allow-many`,
    },
  );
}
