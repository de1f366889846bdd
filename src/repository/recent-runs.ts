import type { Storage, StorageOptions } from "../storage/storage.ts";
import { JOB_KINDS, type Job } from "./job.ts";
import { databaseRunsPrefix, parseDatabaseRunKey, runKey } from "./keys.ts";
import { readRun, type RunRecord } from "./run-record.ts";

/** Records read at the same time. */
const READERS = 16;

/** What is written down of one job's newest runs. */
export interface RecentRuns {
  job: Job;
  /** Newest first. */
  runs: RunRecord[];
  /** Keys of records that cannot be read. */
  unreadable: string[];
}

/**
 * The newest `count` runs of each job of `database` that ever ran: one listing, and no more records read than that. Jobs are
 * in the order of their kinds, then by name.
 *
 * @throws StorageError where the storage cannot be listed or read
 */
export async function readRecentRuns(
  storage: Storage,
  database: string,
  count: number,
  options: StorageOptions = {},
): Promise<RecentRuns[]> {
  const found = new Map<string, { job: Job; ids: string[] }>();
  for await (const { key } of storage.list(databaseRunsPrefix(database), options)) {
    const parsed = parseDatabaseRunKey(database, key);
    if (parsed === undefined) continue;
    const place = `${JOB_KINDS.indexOf(parsed.job.kind)} ${parsed.job.name}`;
    const known = found.get(place) ?? { job: parsed.job, ids: [] };
    known.ids.push(parsed.id);
    found.set(place, known);
  }
  const places = [...found.keys()].sort();
  const jobs = places.flatMap((place) => found.get(place) ?? []);
  const recent = jobs.map(({ job }): RecentRuns => ({ job, runs: [], unreadable: [] }));
  const wanted = jobs
    .flatMap(({ ids }, index) =>
      ids
        .toSorted()
        .slice(-count)
        .map((id) => ({ id, into: recent[index] })),
    )
    .values();
  const readNext = async (): Promise<void> => {
    for (const { id, into } of wanted) {
      if (into === undefined) continue;
      const read = await readRun(storage, into.job, id, options);
      if (read === "unreadable") into.unreadable.push(runKey(into.job, id));
      else if (read !== "gone") into.runs.push(read);
    }
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  for (const { runs } of recent) runs.sort(newestFirst);
  return recent;
}

/** Ids of the same second are in no order. */
function newestFirst(left: RunRecord, right: RunRecord): number {
  return `${left.started} ${left.id}` < `${right.started} ${right.id}` ? 1 : -1;
}
