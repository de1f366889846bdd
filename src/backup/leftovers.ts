import { messageOf } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { buryBackup } from "../repository/bury-backup.ts";
import { listBackups } from "../repository/catalogue.ts";
import {
  archiveKey,
  backupOfPack,
  backupsPrefix,
  packKey,
  packsPrefix,
  parseBackupKey,
  parsePackKey,
} from "../repository/keys.ts";
import { startOfRun, type RunState } from "../repository/run-record.ts";
import { MAX_TOMBSTONE_BYTES } from "../repository/tombstone.ts";
import type { JobRun } from "../schedule/run.ts";
import type { Storage, UnfinishedUpload } from "../storage/storage.ts";

const DAY = 24 * 60 * 60 * 1000;

/** Milliseconds after which a run without a record is over: one of a version that wrote none, or whose record was cleared. */
const UNRECORDED_GRACE = DAY;

/**
 * Milliseconds that packs stay which no manifest names: `docs/format.md` promises it. Backups refer to blocks of dead runs
 * that began less than a day before them, and may themselves take long.
 */
const PACK_GRACE = 2 * DAY;

/** Milliseconds after which packs are left to retention, so that nobody looks at each of them before each backup. */
const PACK_INTEREST = 9 * DAY;

export interface LeftoversRequest {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** Holds the job: no other run is at work. */
  run: JobRun;
  reporter: Reporter;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** What is there of one run that may have made no backup. */
interface Leftovers {
  uploads: UnfinishedUpload[];
  hasArchive: boolean;
  /** Names of packs that are old enough. */
  packs: string[];
}

/** What may be cleared of a run, by what became of it. Pure. */
export function judgeRun(
  state: RunState | undefined,
  age: number,
): { uploads: boolean; archive: boolean; packs: boolean } {
  if (state === "running") return { uploads: false, archive: false, packs: false };
  if (state === "done") return { uploads: true, archive: false, packs: false };
  // Of a run that nothing is known of, packs may be in use: that is retention's to find out.
  const isOver = state !== undefined || age > UNRECORDED_GRACE;
  return { uploads: isOver, archive: isOver, packs: state !== undefined && age > PACK_GRACE };
}

/**
 * Clears what dead backups left: uploads without an end, archives without a manifest, and, after two days, packs that no
 * manifest names.
 *
 * What cannot be cleared is told, and stays: a backup never fails by it.
 *
 * @throws the signal's reason
 */
export async function clearLeftovers(request: LeftoversRequest): Promise<void> {
  const { reporter, run } = request;
  const unreferenced = onlyUnreferenced(request);
  try {
    for (const [id, leftovers] of await findLeftovers(request)) {
      await clear(request, id, leftovers, unreferenced);
    }
  } catch (error) {
    run.signal.throwIfAborted();
    reporter.warn(`what dead runs left could not be cleared: ${messageOf(error)}`);
  }
}

/** By the run's id. Nothing of our own, and of backups that exist nothing but uploads. */
async function findLeftovers(request: LeftoversRequest): Promise<Map<string, Leftovers>> {
  const { storage, database, run, now } = request;
  const { signal } = run;
  const found = new Map<string, Leftovers>();
  const of = (id: string): Leftovers => {
    const leftovers = found.get(id) ?? { uploads: [], hasArchive: false, packs: [] };
    found.set(id, leftovers);
    return leftovers;
  };
  const existing = new Set<string>();
  const archives: string[] = [];
  for await (const { key, size } of storage.list(backupsPrefix(database), { signal })) {
    const parsed = parseBackupKey(key);
    if (parsed?.object === "manifest" && size > MAX_TOMBSTONE_BYTES) existing.add(parsed.id);
    if (parsed?.object === "archive") archives.push(parsed.id);
  }
  for (const id of archives) if (!existing.has(id)) of(id).hasArchive = true;
  for await (const { key } of storage.list(packsPrefix(database), { signal })) {
    const name = parsePackKey(key)?.name;
    const id = name === undefined ? undefined : backupOfPack(name);
    if (name === undefined || id === undefined || existing.has(id)) continue;
    const age = now() - startOfRun(id);
    if (age > PACK_GRACE && age < PACK_INTEREST) of(id).packs.push(name);
  }
  for await (const upload of storage.listUploads(`${database}/`, { signal })) {
    const id = runOf(upload.key);
    if (id !== undefined) of(id).uploads.push(upload);
  }
  found.delete(run.id);
  return found;
}

async function clear(
  request: LeftoversRequest,
  id: string,
  { uploads, hasArchive, packs }: Leftovers,
  unreferenced: (names: readonly string[]) => Promise<string[]>,
): Promise<void> {
  const { storage, database, run, now } = request;
  const { signal } = run;
  const may = judgeRun(await run.stateOf(id), now() - startOfRun(id));
  if (may.uploads) for (const upload of uploads) await upload.abort({ signal });
  const wanted = (may.archive && hasArchive) || (may.packs && packs.length > 0);
  // Whatever request of it may still be on its way: from here on it is no backup, and never becomes one.
  if (!wanted || (await buryBackup({ ...request, ...run, id, by: run.id, now: now() }, { signal }))) return;
  if (may.archive && hasArchive) await storage.delete(archiveKey(database, id), { signal });
  if (!may.packs) return;
  for (const name of await unreferenced(packs)) await storage.delete(packKey(database, name), { signal });
}

/** Leaves out what a manifest names: all of it where a manifest cannot be read. Reads the manifests when first asked. */
function onlyUnreferenced({
  storage,
  database,
  run: { signal },
}: LeftoversRequest): (names: readonly string[]) => Promise<string[]> {
  let reading: Promise<ReadonlySet<string> | undefined> | undefined;
  const read = async (): Promise<ReadonlySet<string> | undefined> => {
    const { backups, unreadable } = await listBackups(storage, database, { signal });
    if (unreadable.length > 0) return undefined;
    return new Set(
      backups.flatMap(({ manifest: { blocks } }) => blocks?.packs.map(({ name }) => name) ?? []),
    );
  };
  return async (names) => {
    if (names.length === 0) return [];
    const referenced = await (reading ??= read());
    return referenced === undefined ? [] : names.filter((name) => !referenced.has(name));
  };
}

/** The run that an object or an upload is of; undefined for what is not ours. */
function runOf(key: string): string | undefined {
  const pack = parsePackKey(key);
  return pack === undefined ? parseBackupKey(key)?.id : backupOfPack(pack.name);
}
