import { isDataopsError } from "../errors.ts";
import type { Job } from "../repository/job.ts";
import { leaseKey } from "../repository/keys.ts";
import { readWhole } from "../repository/read-whole.ts";
import { readRecentRuns } from "../repository/recent-runs.ts";
import { readRun, type RunRecord } from "../repository/run-record.ts";
import { MAX_LEASE_BYTES, parseLease } from "../schedule/lease-record.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import type { JobFacts, RunFacts } from "./facts.ts";

/** Records of each job's runs that are read where nothing is said: enough to find the last one that ended. */
const RUNS_READ = 5;

/**
 * The newest runs of each job of `database` that ever ran.
 *
 * @throws StorageError where the storage cannot be listed or read
 */
export async function readJobs(
  storage: Storage,
  database: string,
  options: StorageOptions & { runsPerJob?: number | undefined } = {},
): Promise<JobFacts[]> {
  const recent = await readRecentRuns(storage, database, options.runsPerJob ?? RUNS_READ, options);
  return Promise.all(
    recent.map(async ({ job, runs, unreadable }): Promise<JobFacts> => {
      const facts = runs.map((run) => readRunFacts(storage, job, run, options));
      return { kind: job.kind, name: job.name, runs: await Promise.all(facts), unreadable };
    }),
  );
}

async function readRunFacts(
  storage: Storage,
  job: Job,
  run: RunRecord,
  options: StorageOptions,
): Promise<RunFacts> {
  // Generation 0: another lock stands in for the lease, which cannot be seen from here.
  if (run.state !== "running" || run.generation === 0) return factsOf(run, undefined);
  const heldUntil = await readHold(storage, job, run.id, options);
  if (heldUntil !== null) return factsOf(run, heldUntil);
  // A run writes down its end, then lets go of the job: it may have done both since its record was read.
  const again = await readRun(storage, job, run.id, options);
  const isOver = typeof again === "object" && again.state !== "running";
  return isOver ? factsOf(again, undefined) : factsOf(run, null);
}

/** Until when a run holds its job; null where it does not, undefined where there is no lease that can be read. */
async function readHold(
  storage: Storage,
  job: Job,
  id: string,
  options: StorageOptions,
): Promise<string | null | undefined> {
  try {
    const key = leaseKey(job);
    const lease = parseLease(await readWhole(storage, key, MAX_LEASE_BYTES, options), key);
    return lease.state === "held" && lease.holder.run === id ? lease.expires : null;
  } catch (error) {
    if (isStorageError(error, "not-found") || isDataopsError(error, "corrupt")) return undefined;
    throw error;
  }
}

function factsOf(
  { id, state, started, ended, exit, message }: RunRecord,
  heldUntil: RunFacts["heldUntil"],
): RunFacts {
  return { id, state, started, ended, exit, message, heldUntil };
}
