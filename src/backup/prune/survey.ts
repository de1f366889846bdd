import { startOfRun } from "../../repository/run-record.ts";
import { takeInventory, type BackupObjects } from "../../repository/inventory.ts";
import { packsPrefix, parsePackKey } from "../../repository/keys.ts";
import { readBackups, type AbandonedBackup, type UnreadableBackup } from "../../repository/read-backups.ts";
import { isGood, isKept, type StoredBackup } from "../../repository/stored-backup.ts";
import type { ObjectInfo, Storage } from "../../storage/storage.ts";
import type { Candidate } from "../retention.ts";

/** A backup that can be read, and which of the packs that are there it needs. */
export interface SurveyedBackup extends Candidate {
  /** Names. */
  packs: readonly string[];
}

export interface SurveyedPack extends Pick<ObjectInfo, "key" | "size" | "modified"> {
  name: string;
}

/** Everything of one database that prune decides about. */
export interface Survey {
  backups: SurveyedBackup[];
  unreadable: UnreadableBackup[];
  abandoned: AbandonedBackup[];
  /** The objects of each backup, and of what never became one, by id. */
  objects: ReadonlyMap<string, BackupObjects>;
  packs: SurveyedPack[];
  /** Keys in the backups' and packs' folders that dataops did not write. */
  foreign: string[];
}

/**
 * Reads what prune needs to know. Packs are listed before manifests: a pack that is seen here, and named by a manifest that
 * is written meanwhile, is never taken for one that nobody needs.
 *
 * @throws StorageError where the storage cannot be listed or read whole: then nothing may be deleted
 */
export async function survey(storage: Storage, database: string, signal: AbortSignal): Promise<Survey> {
  const { packs, foreign } = await listPackObjects(storage, database, signal);
  const inventory = await takeInventory(storage, database, { signal });
  const { backups, unreadable, abandoned } = await readBackups(storage, inventory.backups, surveying(packs), {
    signal,
  });
  return {
    backups,
    unreadable,
    abandoned,
    objects: new Map(inventory.backups.map((backup) => [backup.id, backup])),
    packs,
    foreign: [...inventory.foreign, ...foreign],
  };
}

/** What is held of each manifest: of packs that are not there nothing, and each name once in memory. */
export function surveying(packs: readonly SurveyedPack[]): (backup: StoredBackup) => SurveyedBackup {
  const names = new Map(packs.map(({ name }) => [name, name]));
  return (backup) => ({
    id: backup.manifest.id,
    started: Date.parse(backup.manifest.started),
    state: isGood(backup) ? "good" : "suspect",
    isKept: isKept(backup),
    packs: (backup.manifest.blocks?.packs ?? []).flatMap(({ name }) => names.get(name) ?? []),
  });
}

/** When something that is named after this id was begun or written, whatever is later, in milliseconds since the epoch. */
export function lastTouched(id: string, objects: Iterable<Pick<ObjectInfo, "modified">>): number {
  return Math.max(startOfRun(id), ...Array.from(objects, ({ modified }) => modified.getTime()));
}

async function listPackObjects(
  storage: Storage,
  database: string,
  signal: AbortSignal,
): Promise<{ packs: SurveyedPack[]; foreign: string[] }> {
  const packs: SurveyedPack[] = [];
  const foreign: string[] = [];
  for await (const { key, size, modified } of storage.list(packsPrefix(database), { signal })) {
    const parsed = parsePackKey(key);
    if (parsed === undefined) foreign.push(key);
    else packs.push({ key, size, modified, name: parsed.name });
  }
  return { packs, foreign };
}
