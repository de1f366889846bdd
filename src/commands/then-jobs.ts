import type { Config, ReachableDatabase } from "../config/config.ts";
import type { ThenJob } from "../config/then.ts";
import { runThen, type ThenRequest } from "../replace/then/run-then.ts";
import type { CommandContext } from "./command.ts";
import { reindexOne } from "./reindex-one.ts";

/**
 * Runs what is to follow once a database of the configuration has been replaced.
 *
 * @returns what failed, each as one line: the database stays replaced all the same
 * @throws after an abort: the signal's reason
 */
export async function runThenJobs(
  jobs: readonly ThenJob[],
  { config, target, event }: { config: Config; target: ReachableDatabase; event: ThenRequest["event"] },
  context: CommandContext,
): Promise<string[]> {
  const { reporter, signal, environment } = context;
  return await runThen(jobs, {
    reporter,
    signal,
    environment,
    folder: config.folder,
    connection: target.connection,
    event,
    reindex: async (index) => {
      await reindexOne(index, { adopt: false, docsPerSecond: undefined, slot: undefined }, context);
    },
  });
}
