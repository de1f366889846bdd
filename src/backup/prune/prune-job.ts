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
      return outcomeOf(await prune(dependencies, request));
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
