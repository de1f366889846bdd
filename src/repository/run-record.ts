import { z } from "zod";
import { DataopsError, EXIT_CODES, isDataopsError, type ExitName } from "../errors.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { BACKUP_ID_PATTERN } from "./backup-id.ts";
import { JOB_KINDS, jobNameSchema, type Job } from "./job.ts";
import { parseRunKey, runKey, runsPrefix } from "./keys.ts";
import { readWhole } from "./read-whole.ts";

/** What is written down of each run of a job, so that a laptop, the daemon and a scheduled task know the same. */

const RUN_FORMAT = 1;

/** Bytes; a record is one screen of text. */
export const MAX_RUN_BYTES = 64 * 1024;

/** Records read at the same time. */
const READERS = 16;

const instant = z.iso.datetime({ precision: 3 });
const exitName = z.custom<ExitName>((value) => typeof value === "string" && Object.hasOwn(EXIT_CODES, value));

const runRecordSchema = z.strictObject({
  format: z.literal(RUN_FORMAT),
  /** Of the backup's shape: its start and a random tail. A backup has its run's id. */
  id: z.string().regex(BACKUP_ID_PATTERN),
  job: z.enum(JOB_KINDS),
  name: jobNameSchema,
  /** The scheduled instant that it is for; null for a run by hand. */
  slot: instant.nullable(),
  /** Of the lease that it held: each holder's is larger than the one before. 0 where another lock stood in for it. */
  generation: z.int().min(0),
  /** The machine that it ran on, for people. */
  host: z.string().max(255),
  dataopsVersion: z.string().max(64),
  started: instant,
  /** Null while it runs. */
  ended: instant.nullable(),
  /** `running` until it says otherwise; `lost` where it never did and its lease ended. */
  state: z.enum(["running", "done", "failed", "interrupted", "lost", "fenced"]),
  /** How it ended, by the exit code's name; null while it runs, and where it is lost. */
  exit: exitName.nullable(),
  /** One line: why it failed, or what it warns of. */
  message: z.string().max(2000).nullable(),
  /** What it came to, by job: bytes, rows, the ids of what it made. */
  result: z.record(z.string().max(64), z.union([z.string().max(2000), z.number(), z.boolean(), z.null()])),
});

/** One execution of a job. */
export type RunRecord = z.infer<typeof runRecordSchema>;
export type RunState = RunRecord["state"];

/** The bytes of a record. */
export function serializeRun(record: RunRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(runRecordSchema.parse(record), null, 1)}\n`);
}

/**
 * Reads a record's bytes. `where` names the object in the error.
 *
 * @throws DataopsError `corrupt`
 */
export function parseRun(content: Uint8Array, where: string): RunRecord {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (error) {
    throw corrupt(where, error);
  }
  const parsed = runRecordSchema.safeParse(json);
  if (!parsed.success) throw corrupt(where, parsed.error);
  return parsed.data;
}

/**
 * The records of a job's runs that started at or after `since` (milliseconds since the epoch), newest first. What cannot be
 * read is left out and named in `unreadable`.
 *
 * @throws StorageError where the storage cannot be listed or read
 */
export async function listRuns(
  storage: Storage,
  job: Job,
  options: StorageOptions & { since?: number } = {},
): Promise<{ runs: RunRecord[]; unreadable: string[] }> {
  const ids: string[] = [];
  for await (const { key } of storage.list(runsPrefix(job), options)) {
    const id = parseRunKey(job, key);
    if (id !== undefined && startOfRun(id) + 1000 > (options.since ?? 0)) ids.push(id);
  }
  const runs: RunRecord[] = [];
  const unreadable: string[] = [];
  const remaining = ids.values();
  const readNext = async (): Promise<void> => {
    for (const id of remaining) {
      const read = await readRun(storage, job, id, options);
      if (read === "unreadable") unreadable.push(runKey(job, id));
      else if (read !== "gone") runs.push(read);
    }
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  runs.sort((left, right) => (left.id < right.id ? 1 : -1));
  return { runs, unreadable };
}

/**
 * The record of one run; `gone` where there is none.
 *
 * @throws StorageError where it cannot be fetched
 */
export async function readRun(
  storage: Storage,
  job: Job,
  id: string,
  options: StorageOptions = {},
): Promise<RunRecord | "unreadable" | "gone"> {
  const key = runKey(job, id);
  try {
    return parseRun(await readWhole(storage, key, MAX_RUN_BYTES, options), key);
  } catch (error) {
    if (isStorageError(error, "not-found")) return "gone";
    if (isDataopsError(error, "corrupt")) return "unreadable";
    throw error;
  }
}

/** When the run of this id started, to the second, in milliseconds since the epoch. */
export function startOfRun(id: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function corrupt(where: string, cause: unknown): DataopsError {
  return new DataopsError("corrupt", `${where} is not a run's record`, {
    hint: "find out what wrote to the bucket",
    cause,
  });
}
