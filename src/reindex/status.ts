import type { Job } from "../repository/job.ts";
import { type AliasState, type OwnIndex, readAlias } from "../search/alias-state.ts";
import { removeUnfinishedIndexes } from "../search/remove-indexes.ts";
import type { IndexFacts, SearchEngine } from "../search/search-engine.ts";
import type { Storage } from "../storage/storage.ts";
import { readCheckpoint, removeCheckpoint, type CheckpointProgress } from "./checkpoint.ts";

/** A physical index, as people and programs are told of it. */
export interface ListedIndex {
  name: string;
  documents: number | null;
  bytes: number | null;
  /** ISO 8601. */
  created: string;
}

/** Where an alias is, and what a run has begun or left. */
export interface ReindexStatus {
  alias: string;
  /** `free`: nothing has the name. `index`: a concrete index has it. */
  kind: AliasState["kind"];
  current: ListedIndex[];
  /** Where a rollback may lead, newest first. */
  kept: ListedIndex[];
  /** Of a run that lives, or of one that left it for the next one. */
  unfinished: (ListedIndex & { run: string; progress: CheckpointProgress | null })[];
}

export interface StatusPlace {
  engine: SearchEngine;
  storage: Storage;
  job: Job;
  alias: string;
}

/**
 * Asks engine and storage how things stand with an index.
 *
 * @throws SearchError
 */
export async function readReindexStatus(
  { engine, storage, job, alias }: StatusPlace,
  signal: AbortSignal,
): Promise<ReindexStatus> {
  const state = await readAlias(engine, alias, { signal });
  const progressOf = async ({ mark }: OwnIndex): Promise<CheckpointProgress | null> => {
    try {
      const found = await readCheckpoint({ storage, job, run: mark.run }, { signal });
      return found?.progress ?? null;
    } catch {
      signal.throwIfAborted();
      return null;
    }
  };
  return {
    alias,
    kind: state.kind,
    current: state.current.map(listed),
    kept: state.kept.map(listed),
    unfinished: await Promise.all(
      state.unfinished.map(async (index) => ({
        ...listed(index),
        run: index.mark.run,
        progress: await progressOf(index),
      })),
    ),
  };
}

/**
 * Deletes what a run left for the next one.
 *
 * @param isAlive whether the run of this id may still be at work
 * @returns the names of the indexes deleted, and of those left alone
 * @throws SearchError
 */
export async function abortReindex(
  { engine, storage, job, alias }: StatusPlace,
  isAlive: (run: string) => Promise<boolean>,
  signal: AbortSignal,
): Promise<{ removed: string[]; alive: string[] }> {
  const { unfinished } = await readAlias(engine, alias, { signal });
  const result = await removeUnfinishedIndexes(engine, alias, isAlive, { signal });
  for (const { name, mark } of unfinished) {
    if (result.removed.includes(name)) await removeCheckpoint({ storage, job, run: mark.run }, { signal });
  }
  return result;
}

/**
 * Makes sure that a run that is believed dead publishes nothing any more: an index that it finished and that no alias stands for
 * goes. One that it did not finish cannot be published, and is left to be gone on with.
 *
 * @returns whether it had published already
 * @throws SearchError
 */
export async function buryReindex(
  engine: SearchEngine,
  alias: string,
  run: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { own, kept } = await readAlias(engine, alias, { signal });
  const isRuns = ({ mark }: OwnIndex): boolean => mark.run === run;
  if (own.some((index) => isRuns(index) && index.aliases.includes(alias))) return true;
  for (const { name } of kept.filter(isRuns)) await engine.deleteIndex(name, { signal });
  return false;
}

function listed({ name, documents, bytes, created }: IndexFacts): ListedIndex {
  return {
    name,
    documents: documents ?? null,
    bytes: bytes ?? null,
    created: new Date(created).toISOString(),
  };
}
