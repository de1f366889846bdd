import { messageOf } from "../errors.ts";
import type { Job } from "../repository/job.ts";
import { runKey } from "../repository/keys.ts";
import { readTagged } from "../repository/read-tagged.ts";
import { MAX_RUN_BYTES, parseRun, serializeRun, type RunRecord } from "../repository/run-record.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";

/** Where a run's record is written. */
export interface RunLogOptions {
  storage: Storage;
  job: Job;
  /** Whether the storage's conditional writes are real. */
  conditional: boolean;
}

/** A record as it is in the storage. */
export interface StoredRun {
  record: RunRecord;
  tag: string;
}

/**
 * The record of one run; undefined where there is none.
 *
 * @throws DataopsError `corrupt`; StorageError
 */
export async function readRun(
  { storage, job }: Pick<RunLogOptions, "storage" | "job">,
  id: string,
  options: StorageOptions,
): Promise<StoredRun | undefined> {
  const key = runKey(job, id);
  const found = await readTagged(storage, key, MAX_RUN_BYTES, options);
  return found && { record: parseRun(found.content, key), tag: found.tag };
}

/**
 * Writes a record that must not exist yet.
 *
 * @throws StorageError `precondition-failed` where it does
 */
export async function createRun(
  { storage, job, conditional }: RunLogOptions,
  record: RunRecord,
  options: StorageOptions,
): Promise<StoredRun> {
  const key = runKey(job, record.id);
  const body = serializeRun(record);
  const { tag } = conditional
    ? await storage.create(key, body, options)
    : await storage.put(key, body, options);
  return { record, tag };
}

/**
 * Replaces a record, unless somebody wrote it since: then undefined.
 *
 * @throws StorageError where nobody knows whether it was replaced
 */
export async function replaceRun(
  { storage, job, conditional }: RunLogOptions,
  from: StoredRun,
  record: RunRecord,
  options: StorageOptions,
): Promise<StoredRun | undefined> {
  const key = runKey(job, record.id);
  const body = serializeRun(record);
  try {
    if (conditional) return { record, tag: (await storage.replace(key, body, from.tag, options)).tag };
    const { tag } = await storage.head(key, options);
    if (tag !== from.tag) return undefined;
    return { record, tag: (await storage.put(key, body, options)).tag };
  } catch (error) {
    if (isStorageError(error, "precondition-failed") || isStorageError(error, "not-found")) return undefined;
    throw error;
  }
}

/** The longest message that a record takes, in characters. */
const LONGEST_MESSAGE = 2_000;

/** One line of what went wrong. */
export function messageFor(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, " ").slice(0, LONGEST_MESSAGE);
}
