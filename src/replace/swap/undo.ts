import { DataopsError } from "../../errors.ts";
import { renderComment } from "./carry-over.ts";
import type { Permission } from "../guard/destructive.ts";
import { exchange, type ExchangeOptions, type ExchangeOutcome, type ExchangePlan } from "./exchange.ts";
import { oldName, passingName } from "../scratch/names.ts";
import { addMark, removeMark } from "./old-mark.ts";
import { findDatabase, findReplaced } from "./replaced.ts";

/**
 * Puts the replaced database back under its name, with all that it had, in one transaction. The present one is kept in its
 * stead: a second undo takes the first one back.
 *
 * @throws DataopsError `refused` where nothing is there to put back, sessions stay, or the guard says no
 */
export async function undo(permission: Permission, options: ExchangeOptions): Promise<ExchangeOutcome> {
  const endedSessions = await exchange(permission, () => planUndo(permission, options.runId), options);
  return { old: permission.oid === undefined ? undefined : oldName(permission.name), endedSessions };
}

async function planUndo(permission: Permission, runId: string): Promise<ExchangePlan> {
  const { maintenance, name, oid } = permission;
  const replaced = await findReplaced(maintenance, name);
  if (replaced === undefined) {
    throw new DataopsError("refused", `there is no replaced version of database ${name} to put back`, {
      hint: `a restore keeps one as ${oldName(name)}, unless it is told not to`,
    });
  }
  const unmark = renderComment(replaced.name, removeMark(replaced.comment));
  const back = { oid: replaced.oid, from: replaced.name, to: name };
  if (oid === undefined) {
    return { renames: [back], prepare: async (client) => void (await client.query(unmark)) };
  }
  const passing = passingName(name, runId);
  return {
    renames: [{ oid, from: name, to: passing }, back, { oid, from: passing, to: replaced.name }],
    prepare: async (client) => {
      const present = await findDatabase(client, name);
      await client.query(renderComment(name, addMark(present?.comment ?? null, name)));
      await client.query(unmark);
    },
  };
}
