import { DataopsError } from "../errors.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { isBackupIdPrefix, startStamp } from "./backup-id.ts";
import { takeInventory, type BackupObjects } from "./inventory.ts";
import type { Manifest } from "./manifest.ts";
import { readBackups, type AbandonedBackup, type UnreadableBackup } from "./read-backups.ts";
import { isGood, newestFirst, type StoredBackup } from "./stored-backup.ts";

/** What is in the storage: which backups exist, which is the latest, which one an id means. Reads only. */

export interface Catalogue {
  /** Newest first, by when they started. */
  backups: StoredBackup[];
  unreadable: UnreadableBackup[];
  /** Dead runs that must not publish any more. */
  abandoned: AbandonedBackup[];
  /** Archives without a manifest: backups that are running, or were ended. */
  unfinished: { database: string; id: string }[];
  /** Keys in the backups' folders that dataops did not write. Left alone. */
  foreign: string[];
}

/**
 * Every backup of `database`, or of all databases where it is undefined.
 *
 * @throws StorageError where the storage cannot be listed or read whole: never a part of the truth
 */
export async function listBackups(
  storage: Storage,
  database: string | undefined,
  options: StorageOptions = {},
): Promise<Catalogue> {
  const { backups: found, foreign } = await takeInventory(storage, database, options);
  const { backups, unreadable, abandoned } = await readBackups(storage, found, (backup) => backup, options);
  backups.sort(newestFirst);
  const unfinished = found
    .filter(({ objects }) => objects.has("archive") && !objects.has("manifest"))
    .map(({ database, id }) => ({ database, id }));
  return { backups, unreadable, abandoned, unfinished, foreign };
}

/** The newest good backup, and what is newer and not good. */
export interface Latest {
  backup: StoredBackup;
  /** Suspect backups that are newer, newest first: they were passed over. */
  passedOver: StoredBackup[];
}

/**
 * The newest good backup of `database`, by the start times in the manifests.
 *
 * @throws DataopsError `noSuchBackup` where there is none; `corrupt` where a newer one exists that cannot be read:
 *   an older copy is never passed off as the latest
 */
export async function findLatest(
  storage: Storage,
  database: string,
  options: StorageOptions = {},
): Promise<Latest> {
  const { backups: found } = await takeInventory(storage, database, options);
  const passedOver: StoredBackup[] = [];
  for await (const { backups, unreadable } of readNewestFirst(storage, found, options)) {
    if (unreadable[0] !== undefined) throw unreadable[0].error;
    const newest = backups.findIndex(isGood);
    passedOver.push(...(newest === -1 ? backups : backups.slice(0, newest)));
    const backup = backups[newest];
    if (backup !== undefined) return { backup, passedOver };
  }
  throw noGoodBackup(storage, database, found, passedOver.length);
}

/**
 * The newest good backup of `database`, as `findLatest` has it.
 *
 * @throws as `findLatest`
 */
export async function latestBackup(
  storage: Storage,
  database: string,
  options: StorageOptions = {},
): Promise<Manifest> {
  const { backup } = await findLatest(storage, database, options);
  return backup.manifest;
}

/**
 * The newest backup of `database`, good or not: what the next one stores its changes against.
 *
 * @throws as `findLatest`
 */
export async function newestBackup(
  storage: Storage,
  database: string,
  options: StorageOptions = {},
): Promise<Manifest> {
  const { backups: found } = await takeInventory(storage, database, options);
  for await (const { backups, unreadable } of readNewestFirst(storage, found, options)) {
    if (unreadable[0] !== undefined) throw unreadable[0].error;
    if (backups[0] !== undefined) return backups[0].manifest;
  }
  throw noGoodBackup(storage, database, found, 0);
}

/**
 * The newest good backup that can be read, whatever is newer: what a new backup is compared with.
 *
 * @throws StorageError where the storage cannot be listed or read
 */
export async function newestReadableGood(
  storage: Storage,
  database: string,
  options: StorageOptions = {},
): Promise<Manifest | undefined> {
  const { backups: found } = await takeInventory(storage, database, options);
  for await (const { backups } of readNewestFirst(storage, found, options)) {
    const good = backups.find(isGood);
    if (good !== undefined) return good.manifest;
  }
  return undefined;
}

/**
 * The one backup, of any database, whose id is `id` or begins with it, good or not.
 *
 * @throws DataopsError `usage` where `id` has no id's shape or fits several, `noSuchBackup`, `corrupt`
 */
export async function findStoredBackup(
  storage: Storage,
  id: string,
  options: StorageOptions = {},
): Promise<StoredBackup> {
  if (!isBackupIdPrefix(id)) {
    throw new DataopsError("usage", `${JSON.stringify(id)} is not a backup's id`, {
      hint: "an id looks like 20261121T040000Z-k3v9qa; `dataops list` shows them",
    });
  }
  const inventory = await takeInventory(storage, undefined, options);
  const matching = inventory.backups.filter(
    (backup) => backup.id.startsWith(id) && backup.objects.has("manifest"),
  );
  if (matching.length > MOST_READ) throw ambiguous(id, matching);
  const { backups, unreadable } = await readBackups(storage, matching, (backup) => backup, options);
  if (backups.length + unreadable.length > 1) {
    throw ambiguous(id, [...backups.map(({ manifest }) => manifest), ...unreadable]);
  }
  if (unreadable[0] !== undefined) throw unreadable[0].error;
  const [backup] = backups;
  if (backup !== undefined) return backup;
  throw new DataopsError("noSuchBackup", `no backup ${id} in ${storage.url}`, {
    hint: "`dataops list` shows the backups there are",
  });
}

/** Manifests that are read to find out which one the beginning of an id means. */
const MOST_READ = 16;

/**
 * The manifest of the one backup whose id is `id` or begins with it, as `findStoredBackup` has it.
 *
 * @throws as `findStoredBackup`
 */
export async function findBackup(
  storage: Storage,
  id: string,
  options: StorageOptions = {},
): Promise<Manifest> {
  const { manifest } = await findStoredBackup(storage, id, options);
  return manifest;
}

/** The names of the databases that the storage holds backups of, sorted. */
export async function listDatabases(storage: Storage, options: StorageOptions = {}): Promise<string[]> {
  const { backups } = await takeInventory(storage, undefined, options);
  const databases = backups.filter(({ objects }) => objects.has("manifest")).map(({ database }) => database);
  return [...new Set(databases)].sort();
}

/** Reads backups in groups of the same second, the newest first, and no more of them than are asked for. */
async function* readNewestFirst(
  storage: Storage,
  found: readonly BackupObjects[],
  options: StorageOptions,
): AsyncGenerator<{ backups: StoredBackup[]; unreadable: UnreadableBackup[] }> {
  // An id and its manifest agree on the second of the start.
  const groups = Map.groupBy(
    found.filter(({ objects }) => objects.has("manifest")),
    ({ id }) => startStamp(id),
  );
  for (const [, group] of [...groups].sort(([left], [right]) => (left < right ? 1 : -1))) {
    const { backups, unreadable } = await readBackups(storage, group, (backup) => backup, options);
    yield { backups: backups.sort(newestFirst), unreadable };
  }
}

function ambiguous(id: string, found: readonly { id: string }[]): DataopsError {
  const ids = found.map((backup) => backup.id).sort();
  return new DataopsError(
    "usage",
    `${id} fits ${found.length} backups: ${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ", …" : ""}`,
    { hint: "give more of the id" },
  );
}

function noGoodBackup(
  storage: Storage,
  database: string,
  found: readonly BackupObjects[],
  suspects: number,
): DataopsError {
  if (suspects > 0) {
    return new DataopsError(
      "noSuchBackup",
      `no good backup of ${database} in ${storage.url}, only ${suspects} suspect`,
      { hint: "`dataops show ID` says why, and `dataops accept ID` makes one count" },
    );
  }
  const unfinished = found.filter(({ objects }) => objects.has("archive") && !objects.has("manifest")).length;
  const running = unfinished === 0 ? "" : `, only ${unfinished} unfinished`;
  return new DataopsError("noSuchBackup", `no backup of ${database} in ${storage.url}${running}`, {
    hint: `make one with \`dataops backup ${database}\`, or check that the storage's prefix is right`,
  });
}
