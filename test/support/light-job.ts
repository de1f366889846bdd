import { buffer } from "node:stream/consumers";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import { silentReporter } from "../../src/observe/reporter.ts";
import { buryBackup } from "../../src/repository/bury-backup.ts";
import { leaseKey } from "../../src/repository/keys.ts";
import { listRuns, type RunRecord } from "../../src/repository/run-record.ts";
import { parseLease, type LeaseRecord } from "../../src/schedule/lease-record.ts";
import type { Job } from "../../src/repository/job.ts";
import { systemClock, type Clock } from "../../src/schedule/clock.ts";
import { runJob } from "../../src/schedule/run-job.ts";
import type { JobOutcome, JobRun, RunObserver } from "../../src/schedule/run.ts";
import type { Storage } from "../../src/storage/storage.ts";

export const LIGHT_JOB: Job = { kind: "backup", name: "shop", database: "shop" };

export interface LightJobOptions {
  prepare?: () => Promise<void>;
  work?: (run: JobRun) => Promise<void>;
  /** Milliseconds since the epoch. */
  slot?: number;
  signal?: AbortSignal;
  /** Milliseconds. */
  leaseDuration?: number;
  observers?: readonly RunObserver[];
  clock?: Clock;
  /** Lines that it tells are added to it. */
  told?: string[];
  database?: ConnectionSettings;
}

/** Runs a job that is nothing but `work`. */
export async function runLightJob(
  storage: Storage,
  options: LightJobOptions = {},
): Promise<JobOutcome<string>> {
  const { work = () => Promise.resolve(), slot, signal, leaseDuration, observers = [], told } = options;
  const tell = (message: string): void => void told?.push(message);
  return await runJob(
    {
      storage,
      database: options.database ?? NOWHERE,
      reporter: { ...silentReporter, info: tell, warn: tell },
      signal: signal ?? new AbortController().signal,
      clock: options.clock ?? systemClock,
      version: "test",
      observers,
      leaseDuration,
    },
    {
      job: LIGHT_JOB,
      slot,
      prepare: options.prepare ?? (() => Promise.resolve()),
      bury: (id, { id: by, conditional }) =>
        buryBackup({ storage, database: LIGHT_JOB.database, id, by, conditional, now: Date.now() }, {}),
      work: async (run) => {
        await work(run);
        return { value: run.id, exit: "done", message: null, result: {} };
      },
    },
  );
}

/** What is stored under a key, whole. */
export async function readKey(storage: Storage, key: string): Promise<Buffer> {
  return await buffer(await storage.get(key));
}

/** The light job's lease. */
export async function readLease(storage: Storage): Promise<LeaseRecord> {
  return parseLease(await readKey(storage, leaseKey(LIGHT_JOB)), "lease");
}

/** The records of the light job's runs, newest first. */
export async function readRuns(storage: Storage): Promise<RunRecord[]> {
  return (await listRuns(storage, LIGHT_JOB)).runs;
}

/** Where nobody listens: a lease needs no database. */
export const NOWHERE: ConnectionSettings = {
  host: "/nonexistent",
  port: 5432,
  user: "nobody",
  password: undefined,
  database: "nowhere",
  tls: { mode: "disable", rootCertificate: undefined, certificate: undefined, key: undefined },
  connectTimeout: 1,
  origin: "a test",
};
