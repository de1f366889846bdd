import type { Config, ReachableDatabase } from "../config/config.ts";
import { statsdMeter } from "../metrics/statsd.ts";
import { runJob } from "../schedule/run-job.ts";
import type { JobOutcome, RunRequest } from "../schedule/run.ts";
import type { Storage } from "../storage/storage.ts";
import type { CommandContext } from "./command.ts";
import { jobNotifier } from "./job-notifier.ts";
import { runDependencies } from "./run-dependencies.ts";

export interface JobPlace {
  config: Config;
  /** Where the job's lease and records are. */
  storage: Storage;
  /** The job's own. */
  database: Pick<ReachableDatabase, "connection">;
}

/**
 * Runs a job of the configuration for a command: one run at a time, recorded, measured, and told to whom the configuration
 * names.
 *
 * @throws as `runJob`
 */
export async function runAsJob<P, T>(
  context: CommandContext,
  { config, storage, database }: JobPlace,
  request: RunRequest<P, T>,
): Promise<JobOutcome<T>> {
  const meter = statsdMeter(context.environment, context.reporter);
  const observers = [
    jobNotifier(config, request.job, storage, context),
    ...(meter === undefined ? [] : [meter]),
  ];
  return await runJob({ ...runDependencies(context, storage, database), observers }, request);
}
