import type { Config } from "../config/config.ts";
import { backupSettings } from "../config/select.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { expectationsOf, type Expectations } from "./expectations.ts";
import type { DatabaseFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { judge } from "./judge.ts";
import { readNewestBackups } from "./read-backups.ts";
import { readJobs } from "./read-jobs.ts";
import { readVerifications } from "./read-verifications.ts";
import { nextRunsOf, scheduledJobs, type NextRun } from "../schedule/scheduled-jobs.ts";

/** How a database's backups and jobs are. */
export interface DatabaseStatus {
  database: string;
  /** Undefined for a database that is not backed up. */
  expected: Expectations | undefined;
  facts: DatabaseFacts;
  /** What is to be said of them, the most important first. */
  findings: Finding[];
  next: NextRun[];
}

export interface StatusOptions extends StorageOptions {
  /** The newest runs of each job that are read; by default enough to find the last one that ended. */
  runsPerJob?: number | undefined;
}

/**
 * The status of the databases of these names, read from the storage: whoever asks, on whatever machine, gets the same answer.
 * `now` is in milliseconds since the epoch.
 *
 * @throws StorageError where the storage cannot be reached or read: that is not known then, and never taken for good or bad
 */
export async function readStatus(
  storage: Storage,
  config: Config,
  names: readonly string[],
  now: number,
  options: StatusOptions = {},
): Promise<DatabaseStatus[]> {
  const jobs = scheduledJobs(config);
  return Promise.all(
    names.map(async (database): Promise<DatabaseStatus> => {
      const isSource = isBackedUp(config, database);
      const expected = isSource ? expectationsOf(backupSettings(config, database)) : undefined;
      const facts = await readFacts(storage, database, expected, options);
      const scheduled = jobs.filter(({ job }) => job.database === database);
      const findings = judge(facts, expected, now, scheduled);
      return { database, expected, facts, findings, next: nextRunsOf(scheduled, now) };
    }),
  );
}

/** The databases that backups are made of: the production ones, and those that have a section under `backup`. */
export function isBackedUp(
  { databases, backup }: Pick<Config, "databases" | "backup">,
  name: string,
): boolean {
  return databases[name]?.environment === "production" || Object.hasOwn(backup, name);
}

const NO_BACKUPS = { total: 0, backups: [], verifications: [], unreadableVerifications: [] };

async function readFacts(
  storage: Storage,
  database: string,
  expected: Expectations | undefined,
  options: StatusOptions,
): Promise<DatabaseFacts> {
  const [backups, jobs] = await Promise.all([
    expected === undefined ? NO_BACKUPS : readBackupFacts(storage, database, expected.minimum, options),
    readJobs(storage, database, options),
  ]);
  return { database, ...backups, jobs };
}

async function readBackupFacts(
  storage: Storage,
  database: string,
  minimum: number,
  options: StorageOptions,
): Promise<Omit<DatabaseFacts, "database" | "jobs">> {
  const { total, backups, verified } = await readNewestBackups(storage, database, minimum, options);
  const { verifications, unreadable } = await readVerifications(storage, database, verified, options);
  return { total, backups, verifications, unreadableVerifications: unreadable };
}
