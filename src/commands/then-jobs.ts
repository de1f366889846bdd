import { requireIndex } from "../config/select.ts";
import type { Config } from "../config/config.ts";
import { DataopsError } from "../errors.ts";

/** A job that another one names under `then`. */
export interface ThenJob {
  kind: "reindex";
  name: string;
}

/**
 * Reads what stands under `then`: `reindex products`. To be called before the job that they follow does anything.
 *
 * @throws DataopsError `usage` naming the first that is no job, or whose index is not configured
 */
export function readThenJobs(lines: readonly string[], config: Config): ThenJob[] {
  return lines.map((line) => {
    const [kind, name, ...more] = line.trim().split(/\s+/);
    if (kind !== "reindex" || name === undefined || more.length > 0) {
      throw new DataopsError("usage", `then: ${JSON.stringify(line)} is no job`, {
        hint: "write `reindex INDEX`",
      });
    }
    requireIndex(config, name);
    return { kind, name };
  });
}

/**
 * Runs jobs one after the other. One that fails does not keep the others from running.
 *
 * @throws DataopsError the first failure; after an abort: the signal's reason
 */
export async function runThenJobs(
  jobs: readonly ThenJob[],
  signal: AbortSignal,
  run: (job: ThenJob) => Promise<unknown>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const job of jobs) {
    signal.throwIfAborted();
    try {
      await run(job);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
