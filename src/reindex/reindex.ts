import { DataopsError, type ExitName } from "../errors.ts";
import { Build } from "./build.ts";
import { describeCatchUp } from "./catch-up.ts";
import { watchLocks } from "./lock-watch.ts";
import { beginIndex, planReindex } from "./prepare.ts";
import type { ReindexDependencies, ReindexOutcome, ReindexRequest } from "./request.ts";

/** Failures that say by themselves what they are, and leave the alias where it is, too. */
const KEPT_EXITS: ReadonlySet<ExitName> = new Set([
  "fenced",
  "busy",
  "interrupted",
  "terminated",
  "usage",
  "refused",
  "reindexFailed",
]);

/**
 * Builds an index anew, and lets the alias stand for it once it is up to date and equal to the database.
 *
 * Order: the SQL and the alias are looked at; the index is created, or the one gone on with that a killed run left; load; catch-up
 * until the index is close behind; comparison; settings restored; catch-up; the alias, in one step; catch-up; old indexes go. Until
 * the alias changes, nothing that searches see is touched, and what a failed run leaves is gone on with by the next one.
 *
 * @throws DataopsError `reindexFailed` where the alias is where it was; `usage`, `refused`, `unreachable` and the like before any
 *   work; `failed` where the alias was changed and the last catch-up could not be made; after an abort: the signal's reason
 */
export async function reindex(
  dependencies: ReindexDependencies,
  request: ReindexRequest,
): Promise<ReindexOutcome> {
  const { run, reporter, now } = dependencies;
  const started = now();
  await using locks = await watchLocks(dependencies, request);
  const explained = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw locks.explain(error);
    });
  const plan = await explained(planReindex(dependencies, request));
  reporter.info(describeCatchUp(plan.catchUp));
  const { build, comparison, previous } = await untilSwapped(run.signal, async () => {
    const index = await beginIndex(dependencies, request, plan);
    const build = new Build(dependencies, request, plan, index);
    return { build, comparison: await explained(build.fill()), previous: await build.swap() };
  });
  await build.followUp();
  const removed = await build.cleanUp();
  return { ...build.outcome(), ...comparison, previous, removed, duration: now() - started };
}

/** Work after whose failure the alias is where it was. */
async function untilSwapped<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DataopsError) || KEPT_EXITS.has(error.exit)) throw error;
    throw new DataopsError("reindexFailed", error.message, {
      hint: error.hint ?? "the alias is where it was; the next run goes on where this one stopped",
      cause: error,
    });
  }
}
