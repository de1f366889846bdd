import { isDataopsError } from "../errors.ts";
import { readMarker } from "../repository/marker.ts";
import type { RunRecord } from "../repository/run-record.ts";
import { stateAfter } from "./active-run.ts";
import { newHolder, newRecord } from "./new-holder.ts";
import type { RunDependencies, RunRequest } from "./run.ts";
import { createRun, messageFor } from "./run-log.ts";

/** Milliseconds that writing down a failure may take. */
const TIMEOUT = 5_000;

/**
 * What is to be told of a run that could not begin: undefined where that is nobody's trouble, since another run has the job,
 * or somebody ended the program.
 *
 * One that a schedule wanted is written down, as far as that is possible. Whoever started one by hand has seen it, and a
 * machine that is not fit for the job leaves nothing in the storage.
 */
export async function recordUnbegun<P, T>(
  { storage, clock, version }: RunDependencies,
  { job, slot }: Pick<RunRequest<P, T>, "job" | "slot">,
  error: unknown,
): Promise<RunRecord | undefined> {
  const exit = isDataopsError(error) ? error.exit : "failed";
  const state = stateAfter(exit);
  if (exit === "busy" || state === "interrupted") return undefined;
  const now = clock.now();
  const record = {
    ...newRecord(job, newHolder(now, slot), version),
    ended: new Date(now).toISOString(),
    state,
    exit,
    message: messageFor(error),
  } satisfies RunRecord;
  if (slot === undefined) return record;
  const signal = AbortSignal.timeout(TIMEOUT);
  try {
    // Nothing is written into a storage that is not known to be ours, or is in a newer format.
    const marker = await readMarker(storage, { signal });
    if (marker !== undefined) await createRun({ storage, job, conditional: false }, record, { signal });
  } catch {
    // The failure that led here is the one to be told.
  }
  return record;
}
