import { DataopsError, isDataopsError } from "../errors.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { stampOf, startStamp } from "./backup-id.ts";
import type { BackupObjects } from "./inventory.ts";
import { manifestKey, SIDECARS } from "./keys.ts";
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from "./manifest.ts";
import { readWhole } from "./read-whole.ts";
import type { StoredBackup } from "./stored-backup.ts";
import { parseTombstone, type Tombstone } from "./tombstone.ts";

/** Manifests read at the same time. */
const READERS = 16;

/** A manifest that exists and cannot be trusted. */
export interface UnreadableBackup {
  database: string;
  id: string;
  key: string;
  error: DataopsError;
}

/** A dead run, at whose manifest's place there is a tombstone. */
export interface AbandonedBackup {
  database: string;
  id: string;
  /** The run that took over, and when. */
  abandoned: Tombstone["abandoned"];
}

export interface ReadBackups<T> {
  /** In no promised order. */
  backups: T[];
  unreadable: UnreadableBackup[];
  abandoned: AbandonedBackup[];
}

/**
 * Reads the manifests that an inventory found. Of each backup only what `select` takes of it is held in memory.
 *
 * @throws StorageError where one cannot be fetched: that is not the same as one that is damaged
 */
export async function readBackups<T>(
  storage: Storage,
  found: readonly BackupObjects[],
  select: (backup: StoredBackup) => T,
  options: StorageOptions = {},
): Promise<ReadBackups<T>> {
  const read: ReadBackups<T> = { backups: [], unreadable: [], abandoned: [] };
  const remaining = found.filter(({ objects }) => objects.has("manifest")).values();
  const readNext = async (): Promise<void> => {
    for (const { database, id, objects } of remaining) {
      try {
        const content = await readManifest(storage, database, id, options);
        if ("abandoned" in content) read.abandoned.push({ database, id, abandoned: content.abandoned });
        else {
          const sidecars = new Set(SIDECARS.filter((name) => objects.has(name)));
          read.backups.push(select({ manifest: content, sidecars }));
        }
      } catch (error) {
        // One that was deleted since the listing is gone, not broken.
        if (isStorageError(error, "not-found")) continue;
        if (!isDataopsError(error, "corrupt")) throw error;
        read.unreadable.push({ database, id, key: manifestKey(database, id), error });
      }
    }
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  return read;
}

/**
 * What is at the place of one backup's manifest, checked against where it lies.
 *
 * @throws DataopsError `corrupt` as `parseManifest` does, or where it describes another backup; StorageError `not-found`
 */
async function readManifest(
  storage: Storage,
  database: string,
  id: string,
  options: StorageOptions,
): Promise<Manifest | Tombstone> {
  const key = manifestKey(database, id);
  const content = await readWhole(storage, key, MAX_MANIFEST_BYTES, options);
  const tombstone = parseTombstone(content);
  if (tombstone !== undefined) return tombstone;
  const manifest = parseManifest(content, key);
  if (manifest.id !== id || manifest.database !== database || stampOf(manifest.started) !== startStamp(id)) {
    throw new DataopsError("corrupt", `${key} is corrupt: it describes another backup than its place says`, {
      hint: "restore an older backup (`dataops list`), and find out what wrote to the bucket",
    });
  }
  return manifest;
}
