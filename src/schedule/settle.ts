import { jobTitle } from "../repository/job.ts";
import { listRuns, type RunRecord } from "../repository/run-record.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { StorageOptions } from "../storage/storage.ts";
import type { Holder } from "./lease-record.ts";
import { newRecord } from "./new-holder.ts";
import { createRun, readRun, replaceRun, type RunLogOptions } from "./run-log.ts";

/** Milliseconds back to which runs without an end are looked for where no lease remembers them. */
const REMEMBERED = 7 * 24 * 60 * 60 * 1000;

export interface SettleRequest extends RunLogOptions {
  holders: readonly Holder[];
  /** Makes sure that a run can publish nothing from now on; true where it has published already. */
  bury: (id: string) => Promise<boolean>;
  now: () => number;
  version: string;
}

/**
 * Writes down how runs ended that could not do it themselves, and makes sure that they can publish nothing any more.
 *
 * To be called by whoever holds the job, before anything else is done with it.
 *
 * @returns the records of those that were lost
 * @throws StorageError
 */
export async function settleRuns(request: SettleRequest, options: StorageOptions): Promise<RunRecord[]> {
  const lost: RunRecord[] = [];
  for (const holder of request.holders) {
    const hasPublished = await request.bury(holder.run);
    const record = await settleRun(request, holder, hasPublished, options);
    if (record?.state === "lost") lost.push(record);
  }
  return lost;
}

/** Runs that have no end, where there is no lease that tells: those of the last days. */
export async function findUnsettled(
  { storage, job }: Pick<RunLogOptions, "storage" | "job">,
  now: number,
  options: StorageOptions,
): Promise<Holder[]> {
  const { runs } = await listRuns(storage, job, { ...options, since: now - REMEMBERED });
  return runs
    .filter(({ state }) => state === "running")
    .map(({ id, host, started, slot }) => ({ run: id, host, pid: 0, since: started, slot }));
}

/** @returns the record that was written; undefined where the run had written its own end */
async function settleRun(
  request: SettleRequest,
  holder: Holder,
  hasPublished: boolean,
  options: StorageOptions,
): Promise<RunRecord | undefined> {
  const found = await readRun(request, holder.run, options);
  if (found !== undefined && found.record.state !== "running") return undefined;
  const record = {
    // Without a record it died before it had begun.
    ...(found?.record ?? newRecord(request.job, holder, request.version)),
    ended: new Date(request.now()).toISOString(),
    ...(hasPublished
      ? { state: "done", exit: "done", message: "it ended before it could say so" }
      : { state: "lost", exit: null, message: "it ended without a word" }),
  } satisfies RunRecord;
  if (found !== undefined) return (await replaceRun(request, found, record, options))?.record;
  try {
    // So that it cannot begin any more, either.
    return (await createRun(request, record, options)).record;
  } catch (error) {
    if (!isStorageError(error, "precondition-failed")) throw error;
    // It has begun meanwhile, and will find that it lost the job; its record must not stay without an end.
    return await settleRun(request, holder, hasPublished, options);
  }
}

/** One line about a run that was lost, for people. */
export function describeLost({ job, name, id, host, started }: RunRecord): string {
  return `run ${id} of ${jobTitle({ kind: job, name })} was lost: it began at ${started} on ${host || "an unknown machine"}, and ended without a word`;
}
