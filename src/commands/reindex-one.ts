import { reach } from "../config/database.ts";
import { requireDatabase, requireIndex, requireStorage } from "../config/select.ts";
import { humanPlural } from "../observe/human.ts";
import { buryReindex } from "../reindex/status.ts";
import type { JobOutcome } from "../schedule/run.ts";
import { openStorage } from "../storage/open.ts";
import type { CommandContext } from "./command.ts";
import {
  openPlace,
  reindexIndex,
  reindexJob,
  type ReindexedIndex,
  type ReindexOverrides,
} from "./reindex-index.ts";
import { runAsJob } from "./run-as-job.ts";

export interface ReindexOneOptions extends ReindexOverrides {
  /** The scheduled instant, in milliseconds since the epoch; undefined for a run by hand. */
  slot: number | undefined;
}

/**
 * Builds one index of the configuration anew, as a run of its job.
 *
 * @throws as `runJob` and `reindexIndex`
 */
export async function reindexOne(
  name: string,
  { slot, ...overrides }: ReindexOneOptions,
  context: CommandContext,
): Promise<JobOutcome<ReindexedIndex>> {
  const config = await context.config();
  const index = requireIndex(config, name);
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    return await runAsJob(
      context,
      { config, storage, database: await reach(requireDatabase(config, index.database), context.signal) },
      {
        job: reindexJob(name, index),
        slot,
        prepare: () => Promise.resolve(undefined),
        bury: async (id, { signal }) => {
          if (index.driver !== "builtin") return false;
          await using place = await openPlace(config, index, context);
          return await buryReindex(place.engine, name, id, signal);
        },
        work: async (run) =>
          outcomeOf(await reindexIndex(name, overrides, { ...context, signal: run.signal }, run)),
      },
    );
  } finally {
    await storage.close();
  }
}

function outcomeOf(value: ReindexedIndex): JobOutcome<ReindexedIndex> {
  const { name, outcome } = value;
  const refused = outcome?.refusedCount ?? 0;
  return {
    value,
    exit: refused === 0 ? "done" : "warnings",
    message: refused === 0 ? null : `the engine refused ${humanPlural(refused, "document")} of ${name}`,
    result: outcome === null ? {} : { index: outcome.index, documents: outcome.documents, refused },
  };
}
