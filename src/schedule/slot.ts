import { z } from "zod";
import { DataopsError } from "../errors.ts";
import { BACKUP_ID_PATTERN } from "../repository/backup-id.ts";
import { jobTitle } from "../repository/job.ts";
import { slotKey } from "../repository/keys.ts";
import { readTagged } from "../repository/read-tagged.ts";
import type { RunState } from "../repository/run-record.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { StorageOptions } from "../storage/storage.ts";
import { readRun, type RunLogOptions } from "./run-log.ts";

/**
 * The runs that one slot may have in all: one that was lost or interrupted is made up for, and a program that dies of its
 * work does not try forever.
 */
const MOST_RUNS = 3;

/** Bytes. */
const MAX_SLOT_BYTES = 4096;

const slotSchema = z.strictObject({
  format: z.literal(1),
  slot: z.iso.datetime({ precision: 3 }),
  /** Those that it was given to, the last one last. */
  runs: z.array(z.string().regex(BACKUP_ID_PATTERN)).min(1).max(MOST_RUNS),
});

type Slot = z.infer<typeof slotSchema>;

/** Whether a slot may be given to one more run, by how many there were and what became of the last. Pure. */
export function mayRunAgain(runs: number, last: RunState | undefined): boolean {
  // Without a record it died before it began.
  const wasCutOff = last === undefined || last === "lost" || last === "interrupted";
  return wasCutOff && runs < MOST_RUNS;
}

/**
 * Gives the slot to the run, which holds the job.
 *
 * @throws DataopsError `busy` where it was given to another one already, whoever fired it; StorageError
 */
export async function claimSlot(
  log: RunLogOptions,
  slot: number,
  run: string,
  options: StorageOptions,
): Promise<void> {
  const { storage, job, conditional } = log;
  const key = slotKey(job, slot);
  const instant = new Date(slot).toISOString();
  const found = await readTagged(storage, key, MAX_SLOT_BYTES, options);
  const runs = found === undefined ? [] : parseSlot(found.content, key).runs;
  const last = runs.at(-1);
  if (last !== undefined) {
    const state = (await readRun(log, last, options))?.record.state;
    if (!mayRunAgain(runs.length, state)) throw hasRun(log, instant, last, state);
  }
  const body = Buffer.from(
    `${JSON.stringify({ format: 1, slot: instant, runs: [...runs, run] } satisfies Slot)}\n`,
  );
  try {
    if (!conditional) await storage.put(key, body, options);
    else if (found === undefined) await storage.create(key, body, options);
    else await storage.replace(key, body, found.tag, options);
  } catch (error) {
    if (!isStorageError(error, "precondition-failed")) throw error;
    throw hasRun(log, instant, "that was faster", undefined);
  }
}

function hasRun(
  { job }: RunLogOptions,
  instant: string,
  run: string,
  state: RunState | undefined,
): DataopsError {
  const how = state === undefined ? "" : `, which is ${state}`;
  return new DataopsError("busy", `${jobTitle(job)} was run for ${instant} already, by run ${run}${how}`, {
    hint: "without --slot it runs once more",
  });
}

function parseSlot(content: Uint8Array, key: string): Slot {
  try {
    return slotSchema.parse(JSON.parse(Buffer.from(content).toString("utf8")));
  } catch (error) {
    throw new DataopsError("corrupt", `${key} is not a slot's record`, {
      hint: "find out what wrote to the bucket, and remove the object",
      cause: error,
    });
  }
}
