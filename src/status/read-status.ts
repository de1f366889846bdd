import type { Config } from "../config/config.ts";
import { backupSettings } from "../config/select.ts";
import { readRecentRuns } from "../repository/recent-runs.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { expectationsOf, type Expectations } from "./expectations.ts";
import type { DatabaseFacts, JobFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { judge } from "./judge.ts";
import { readNewestBackups } from "./read-backups.ts";
import { nextRunsOf, scheduledJobs, type NextRun } from "./scheduled-jobs.ts";

/** Records of each job's runs that are read: enough to find the last one that ended. */
const RUNS_READ = 5;

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
  options: StorageOptions = {},
): Promise<DatabaseStatus[]> {
  const jobs = scheduledJobs(config);
  return Promise.all(
    names.map(async (database): Promise<DatabaseStatus> => {
      const isSource = isBackedUp(config, database);
      const expected = isSource ? expectationsOf(backupSettings(config, database)) : undefined;
      const facts = await readFacts(storage, database, expected, options);
      const next = nextRunsOf(
        jobs.filter(({ job }) => job.database === database),
        now,
      );
      return { database, expected, facts, findings: judge(facts, expected, now), next };
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

async function readFacts(
  storage: Storage,
  database: string,
  expected: Expectations | undefined,
  options: StorageOptions,
): Promise<DatabaseFacts> {
  const [{ total, backups }, jobs] = await Promise.all([
    expected === undefined
      ? { total: 0, backups: [] }
      : readNewestBackups(storage, database, expected.minimum, options),
    readJobs(storage, database, options),
  ]);
  return { database, total, backups, verifications: [], jobs };
}

async function readJobs(storage: Storage, database: string, options: StorageOptions): Promise<JobFacts[]> {
  const recent = await readRecentRuns(storage, database, RUNS_READ, options);
  return recent.map(({ job, runs, unreadable }) => ({
    kind: job.kind,
    name: job.name,
    runs: runs.map(({ id, state, started, ended, exit, message }) => ({
      id,
      state,
      started,
      ended,
      exit,
      message,
      heldUntil: undefined,
    })),
    unreadable,
  }));
}
