import { clearDatabaseRecords } from "../../schedule/clear-records.ts";
import type { JobOutcome, JobRun, RunRequest } from "../../schedule/run.ts";
import { prune, type PruneDependencies, type PruneOutcome, type PruneRequest } from "./prune.ts";

export interface PruneJobOptions extends Omit<PruneDependencies, "signal" | "withLease"> {
  /** Holds the backups' job of the database while its run deletes. */
  withLease: (run: JobRun) => PruneDependencies["withLease"];
  /** The scheduled instant, in milliseconds since the epoch; undefined for a run by hand. */
  slot: number | undefined;
}

/** The job of deleting what no rule of retention keeps, for whoever runs jobs. */
export function pruneJob(
  options: PruneJobOptions,
  request: PruneRequest,
): RunRequest<undefined, PruneOutcome> {
  const { database } = request;
  return {
    job: { kind: "prune", name: database, database },
    slot: options.slot,
    prepare: () => Promise.resolve(undefined),
    // It publishes nothing.
    bury: () => Promise.resolve(false),
    work: async (run) => {
      const dependencies = { ...options, signal: run.signal, withLease: options.withLease(run) };
      const outcome = await prune(dependencies, request);
      const { signal } = run;
      // What stays this time goes the next time.
      await clearDatabaseRecords(options.storage, database, options.now(), { signal }).catch(() => undefined);
      return outcomeOf(outcome);
    },
  };
}

/** Characters of a message in a run's record. */
const LONGEST_MESSAGE = 2000;

function outcomeOf(value: PruneOutcome): JobOutcome<PruneOutcome> {
  const { deleted, warnings } = value;
  return {
    value,
    exit: warnings.length > 0 ? "warnings" : "done",
    message: warnings.length > 0 ? warnings.join("; ").slice(0, LONGEST_MESSAGE) : null,
    result: { ...deleted },
  };
}
