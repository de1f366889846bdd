import { expect } from "vitest";
import { parseRun, type RunRecord } from "../../src/repository/run-record.ts";
import { parseLease, type LeaseRecord } from "../../src/schedule/lease-record.ts";
import {
  startDataops,
  type DataopsExit,
  type DataopsOptions,
  type DataopsProcess,
} from "./dataops-process.ts";
import { createTestBucket, type TestBucket } from "./e2e-bucket.ts";
import { urlFor } from "./postgres-servers.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { test as postgresTest, type TestDatabase } from "./postgres-test.ts";
import { sharedS3 } from "./shared-servers.ts";

/** Runs of the program; what still runs at the test's end is ended. */
export interface Dataops {
  start(args: readonly string[], options: DataopsOptions): Promise<DataopsProcess>;
  /** Waits for the end. */
  run(args: readonly string[], options: DataopsOptions): Promise<DataopsExit>;
}

interface SkippableContext {
  skip(note?: string): never;
}

/** A missing server skips the test, loudly; in CI it fails it. */
async function bucketOrSkip(context: SkippableContext): Promise<TestBucket> {
  try {
    return await createTestBucket(await sharedS3("ceph"));
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return context.skip(error.message);
  }
}

/** Vitest's `test` with a database, a bucket and the program. Fit for concurrent tests. */
export const test = postgresTest.extend<{ bucket: TestBucket; dataops: Dataops }>({
  bucket: async ({ skip }, use) => {
    const bucket = await bucketOrSkip({ skip });
    await use(bucket);
    await bucket.drop();
  },
  // eslint-disable-next-line no-empty-pattern -- vitest demands a pattern
  dataops: async ({}, use) => {
    await using started = new AsyncDisposableStack();
    const start: Dataops["start"] = async (args, options) => started.use(await startDataops(args, options));
    await use({ start, run: async (args, options) => (await start(args, options)).exited });
  },
});

/** The environment in which `database` is production, and its backups go to `bucket`. */
export function environmentOf(
  database: TestDatabase,
  bucket: TestBucket,
  changes: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...bucket.environment, DATABASE_URL: urlFor(database.server, database.name), ...changes };
}

/** A configuration for that environment, with backups that have all rows in the archive. */
export const ARCHIVE_CONFIG = {
  storage: "${DATAOPS_STORAGE}",
  databases: { production: { url: "${DATABASE_URL}", environment: "production" } },
  backup: { production: { format: "archive" } },
};

/** What runs leave of themselves, however they end: leases, and records of what happened. */
const OF_RUNS = /(^|\/)(locks\/|[a-z0-9_-]+\/(runs|slots)\/)/;

/** The keys of everything but what runs leave of themselves, sorted. */
export async function backupKeys(bucket: TestBucket): Promise<string[]> {
  return (await bucket.keys()).filter((key) => !OF_RUNS.test(key));
}

/** The records of the runs of production's backups, and their lease. */
export async function readRuns(bucket: TestBucket): Promise<{ runs: RunRecord[]; lease: LeaseRecord }> {
  const keys = (await bucket.keys()).filter((key) => key.startsWith("production/runs/backup-production/"));
  const runs = await Promise.all(keys.map(async (key) => parseRun(await bucket.read(key), key)));
  const leaseKey = "locks/production/backup-production.json";
  return { runs, lease: parseLease(await bucket.read(leaseKey), leaseKey) };
}

/** No manifest, no archive, no upload left open: the storage's own marker at most. */
export async function expectNothing(bucket: TestBucket): Promise<void> {
  const keys = await backupKeys(bucket);
  expect({
    keys: keys.filter((key) => key !== "dataops.json"),
    uploads: await bucket.openUploads(),
  }).toEqual({ keys: [], uploads: [] });
}

/** One line that says what happened, and at most one that says what to do. */
export function expectOneLine({ stderr }: DataopsExit): void {
  const lines = stderr.split("\n").filter((line) => line !== "");
  const errors = lines.filter((line) => line.startsWith("error: "));
  const hints = lines.filter((line) => line.startsWith("hint: "));
  expect(errors, stderr).toHaveLength(1);
  expect(hints.length, stderr).toBeLessThanOrEqual(1);
  expect(stderr, "a stack is for bugs").not.toMatch(/^\s+at /m);
}
