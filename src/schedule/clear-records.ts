import type { Job } from "../repository/job.ts";
import {
  databaseRunsPrefix,
  parseDatabaseRunKey,
  parseRunKey,
  parseSlotKey,
  runsPrefix,
  slotsPrefix,
} from "../repository/keys.ts";
import { startOfRun } from "../repository/run-record.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import type { RunLogOptions } from "./run-log.ts";

/** Milliseconds that records of runs and slots are kept. */
const KEPT = 90 * 24 * 60 * 60 * 1000;

/** Records that are kept however old they are. */
const LEAST_KEPT = 100;

/** A run does not spend more requests than that on old records. */
const MOST_CLEARED = 500;

/** Which of these records, each with the milliseconds of its start, are not kept any more. Pure. */
export function chooseOld(records: readonly { key: string; at: number }[], now: number): string[] {
  const newestFirst = records.toSorted((left, right) => right.at - left.at);
  return newestFirst
    .slice(LEAST_KEPT)
    .filter(({ at }) => at < now - KEPT)
    .map(({ key }) => key)
    .slice(-MOST_CLEARED);
}

/**
 * Removes the records of runs and slots that are older than 90 days; of each, the last 100 stay.
 *
 * @throws StorageError
 */
export async function clearRecords(
  { storage, job }: Pick<RunLogOptions, "storage" | "job">,
  now: number,
  options: StorageOptions,
): Promise<void> {
  const runs: { key: string; at: number }[] = [];
  for await (const { key } of storage.list(runsPrefix(job), options)) {
    const id = parseRunKey(job, key);
    if (id !== undefined) runs.push({ key, at: startOfRun(id) });
  }
  const slots: { key: string; at: number }[] = [];
  for await (const { key } of storage.list(slotsPrefix(job), options)) {
    const at = parseSlotKey(job, key);
    if (at !== undefined) slots.push({ key, at });
  }
  for (const key of [...chooseOld(runs, now), ...chooseOld(slots, now)]) await storage.delete(key, options);
}

/**
 * Does so for every job of a database that ever ran: whoever makes backups may not be allowed to delete anything.
 *
 * @throws StorageError
 */
export async function clearDatabaseRecords(
  storage: Storage,
  database: string,
  now: number,
  options: StorageOptions,
): Promise<void> {
  const jobs = new Map<string, Job>();
  for await (const { key } of storage.list(databaseRunsPrefix(database), options)) {
    const job = parseDatabaseRunKey(database, key)?.job;
    if (job !== undefined) jobs.set(runsPrefix(job), job);
  }
  for (const job of jobs.values()) await clearRecords({ storage, job }, now, options);
}
