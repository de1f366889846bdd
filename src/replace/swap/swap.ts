import { messageOf } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { carryOver, rehearseCarryOver } from "./carry-over.ts";
import { dropReplaced, type Permission, type Rename } from "../guard/destructive.ts";
import { exchange, type ExchangeOptions, type ExchangeOutcome, type ExchangePlan } from "./exchange.ts";
import { oldName, passingName } from "../scratch/names.ts";
import { findDatabase, findReplaced, findSetAside, type NamedDatabase } from "./replaced.ts";

export interface SwapOptions extends ExchangeOptions {
  /** Name of the database that takes the target's place: `scratchName(target, runId)`. */
  scratch: string;
  /** Whether the replaced database stays, for `undo`. */
  keepOld: boolean;
}

/**
 * Puts the scratch database in the place of the permission's, with its owner, privileges, settings, connection limit and
 * comment. All in one transaction: after any failure the target is what it was.
 *
 * The replaced database is kept under `oldName`; the one that was kept there before is dropped.
 *
 * @throws DataopsError `refused` (sessions, another database in the way, the guard), `notPermitted`
 */
export async function swap(permission: Permission, options: SwapOptions): Promise<ExchangeOutcome> {
  const { maintenance, name, oid } = permission;
  const endedSessions = await exchange(permission, () => planSwap(permission, options), options);
  if (oid === undefined) return { old: undefined, endedSessions };

  const surplus = await findSetAside(maintenance, name);
  if (!options.keepOld) surplus.push({ name: oldName(name), oid, comment: null });
  const left = new Set<string>();
  for (const database of surplus) {
    if (!(await tryDrop(permission, database, options.reporter))) left.add(database.name);
  }
  const isKept = options.keepOld || left.has(oldName(name));
  return { old: isKept ? oldName(name) : undefined, endedSessions };
}

/**
 * Finds out whether a swap will be possible; for before the work that leads to it. Changes nothing.
 *
 * @throws DataopsError `refused` where a database that is not ours has the name for the replaced one, `notPermitted` where
 *   the role may not give another database what the target has
 */
export async function rehearseSwap({ maintenance, name, oid }: Permission): Promise<void> {
  if (oid === undefined) return;
  await findReplaced(maintenance, name);
  await rehearseCarryOver(maintenance, { name, oid });
}

async function planSwap(permission: Permission, options: SwapOptions): Promise<ExchangePlan> {
  const { maintenance, name, oid } = permission;
  const scratch = await findDatabase(maintenance, options.scratch);
  if (scratch === undefined) throw new Error(`there is no database ${options.scratch}`);
  const incoming: Rename = { oid: scratch.oid, from: scratch.name, to: name };
  if (oid === undefined) return { renames: [incoming], prepare: async () => undefined };

  const replaced = await findReplaced(maintenance, name);
  return {
    renames: [
      ...(replaced === undefined
        ? []
        : [{ oid: replaced.oid, from: replaced.name, to: passingName(name, options.runId) }]),
      { oid, from: name, to: oldName(name) },
      incoming,
    ],
    prepare: (client) => carryOver(client, { name, oid }, scratch),
  };
}

/** The swap is done: a database too many is no reason to call it failed. */
async function tryDrop(
  permission: Permission,
  database: NamedDatabase,
  reporter: Reporter,
): Promise<boolean> {
  try {
    await dropReplaced(permission, database);
    return true;
  } catch (error) {
    reporter.warn(`the replaced database ${database.name} could not be dropped: ${messageOf(error)}`);
    return false;
  }
}
