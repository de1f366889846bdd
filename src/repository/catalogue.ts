import { DataopsError, isDataopsError } from "../errors.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { isBackupIdPrefix, stampOf, startStamp } from "./backup-id.ts";
import { backupsPrefix, manifestKey, parseBackupKey, type BackupKey } from "./keys.ts";
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from "./manifest.ts";
import { readWhole } from "./read-whole.ts";

/** What is in the storage: which backups exist, which is the latest, which one an id means. Reads only. */

/** Manifests read at the same time. */
const READERS = 16;

/** A manifest that exists and cannot be trusted. */
export interface UnreadableBackup {
  database: string;
  id: string;
  key: string;
  error: DataopsError;
}

export interface Catalogue {
  /** Newest first, by when they started. */
  backups: Manifest[];
  unreadable: UnreadableBackup[];
  /** Archives without a manifest: backups that are running, or were ended. */
  unfinished: { database: string; id: string }[];
  /** Backups that were verified, or should have been: what that came to is kept beside them. */
  verified: { database: string; id: string }[];
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
  const { manifests, unfinished, verified, foreign } = await scan(storage, database, options);
  const { backups, unreadable } = await readManifests(storage, manifests, options);
  backups.sort(newestFirst);
  return { backups, unreadable, unfinished, verified, foreign };
}

/**
 * The newest backup of `database`, by the start times in the manifests.
 *
 * @throws DataopsError `noSuchBackup` where there is none; `corrupt` where a newer one exists that cannot be read:
 *   an older copy is never passed off as the latest
 */
export async function latestBackup(
  storage: Storage,
  database: string,
  options: StorageOptions = {},
): Promise<Manifest> {
  const { manifests, unfinished } = await scan(storage, database, options);
  const newest = manifests.reduce(
    (latest, { id }) => (startStamp(id) > latest ? startStamp(id) : latest),
    "",
  );
  // An id and its manifest agree on the second of the start, so only those of the newest second need reading.
  const candidates = manifests.filter(({ id }) => startStamp(id) === newest);
  const { backups, unreadable } = await readManifests(storage, candidates, options);
  if (unreadable[0] !== undefined) throw unreadable[0].error;
  const [latest] = backups.sort(newestFirst);
  if (latest === undefined) throw noBackupYet(storage, database, unfinished.length);
  return latest;
}

/**
 * The one backup, of any database, whose id is `id` or begins with it.
 *
 * @throws DataopsError `usage` where `id` has no id's shape or fits several, `noSuchBackup`, `corrupt`
 */
export async function findBackup(
  storage: Storage,
  id: string,
  options: StorageOptions = {},
): Promise<Manifest> {
  if (!isBackupIdPrefix(id)) {
    throw new DataopsError("usage", `${JSON.stringify(id)} is not a backup's id`, {
      hint: "an id looks like 20261121T040000Z-k3v9qa; `dataops list` shows them",
    });
  }
  const { manifests } = await scan(storage, undefined, options);
  const found = manifests.filter((manifest) => manifest.id.startsWith(id));
  const [only] = found;
  if (only === undefined) {
    throw new DataopsError("noSuchBackup", `no backup ${id} in ${storage.url}`, {
      hint: "`dataops list` shows the backups there are",
    });
  }
  if (found.length > 1) {
    const ids = found.map((manifest) => manifest.id).sort();
    throw new DataopsError(
      "usage",
      `${id} fits ${found.length} backups: ${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ", …" : ""}`,
      {
        hint: "give more of the id",
      },
    );
  }
  return readManifest(storage, only.database, only.id, options);
}

/** The names of the databases that the storage holds backups of, sorted. */
export async function listDatabases(storage: Storage, options: StorageOptions = {}): Promise<string[]> {
  const { manifests } = await scan(storage, undefined, options);
  return [...new Set(manifests.map(({ database }) => database))].sort();
}

/**
 * The manifest of one backup, checked against where it lies.
 *
 * @throws DataopsError `corrupt` as `parseManifest` does, or where it describes another backup; StorageError `not-found`
 */
async function readManifest(
  storage: Storage,
  database: string,
  id: string,
  options: StorageOptions = {},
): Promise<Manifest> {
  const key = manifestKey(database, id);
  const manifest = parseManifest(await readWhole(storage, key, MAX_MANIFEST_BYTES, options), key);
  if (manifest.id !== id || manifest.database !== database || stampOf(manifest.started) !== startStamp(id)) {
    throw new DataopsError("corrupt", `${key} is corrupt: it describes another backup than its place says`, {
      hint: "restore an older backup (`dataops list`), and find out what wrote to the bucket",
    });
  }
  return manifest;
}

interface Scan {
  manifests: BackupKey[];
  unfinished: { database: string; id: string }[];
  verified: { database: string; id: string }[];
  foreign: string[];
}

/** One whole listing, sorted out by what the keys are. */
async function scan(storage: Storage, database: string | undefined, options: StorageOptions): Promise<Scan> {
  const manifests: BackupKey[] = [];
  const archives: BackupKey[] = [];
  const verified: BackupKey[] = [];
  const foreign: string[] = [];
  for await (const { key } of storage.list(database === undefined ? "" : backupsPrefix(database), options)) {
    const parsed = parseBackupKey(key);
    if (parsed?.object === "manifest") manifests.push(parsed);
    else if (parsed?.object === "archive") archives.push(parsed);
    else if (parsed?.object === "verification") verified.push(parsed);
    else if (key.split("/")[1] === "backups") foreign.push(key);
  }
  const finished = new Set(manifests.map(({ database, id }) => `${database}/${id}`));
  const unfinished = archives
    .filter(({ database, id }) => !finished.has(`${database}/${id}`))
    .map(({ database, id }) => ({ database, id }));
  return { manifests, unfinished, verified: verified.map(({ database, id }) => ({ database, id })), foreign };
}

async function readManifests(
  storage: Storage,
  keys: readonly BackupKey[],
  options: StorageOptions,
): Promise<{ backups: Manifest[]; unreadable: UnreadableBackup[] }> {
  const backups: Manifest[] = [];
  const unreadable: UnreadableBackup[] = [];
  const remaining = keys.values();
  const readNext = async (): Promise<void> => {
    for (const { database, id } of remaining) {
      try {
        backups.push(await readManifest(storage, database, id, options));
      } catch (error) {
        // One that was deleted since the listing is gone, not broken.
        if (isStorageError(error, "not-found")) continue;
        if (!isDataopsError(error, "corrupt")) throw error;
        unreadable.push({ database, id, key: manifestKey(database, id), error });
      }
    }
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  return { backups, unreadable };
}

/** Ties of the same millisecond are broken by the id, so that every reader agrees. */
function newestFirst(left: Manifest, right: Manifest): number {
  return compareText(right.started, left.started) || compareText(right.id, left.id);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

function noBackupYet(storage: Storage, database: string, unfinished: number): DataopsError {
  const running = unfinished === 0 ? "" : `, only ${unfinished} unfinished`;
  return new DataopsError("noSuchBackup", `no backup of ${database} in ${storage.url}${running}`, {
    hint: `make one with \`dataops backup ${database}\`, or check that the storage's prefix is right`,
  });
}
