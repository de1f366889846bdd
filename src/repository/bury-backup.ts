import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { manifestKey } from "./keys.ts";
import { MAX_MANIFEST_BYTES } from "./manifest.ts";
import { readTagged } from "./read-tagged.ts";
import { parseTombstone, serializeTombstone, type Tombstone } from "./tombstone.ts";

export interface Burial {
  storage: Storage;
  database: string;
  /** The backup's, which is its run's. */
  id: string;
  /** The run that takes over. */
  by: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** Whether the storage's conditional writes are real. */
  conditional: boolean;
}

/**
 * Makes sure that a backup whose run is dead never comes to be: a tombstone takes its manifest's place, so that the run can
 * publish nothing, should it wake up.
 *
 * @returns true where the backup had come to be before: then it stays
 * @throws StorageError
 */
export async function buryBackup(
  { storage, database, id, by, now, conditional }: Burial,
  options: StorageOptions,
): Promise<boolean> {
  const key = manifestKey(database, id);
  const tombstone = { format: 1, abandoned: { by, at: new Date(now).toISOString() } } satisfies Tombstone;
  const body = serializeTombstone(tombstone);
  if (conditional) {
    try {
      await storage.create(key, body, options);
      return false;
    } catch (error) {
      if (!isStorageError(error, "precondition-failed")) throw error;
    }
  }
  const found = await readTagged(storage, key, MAX_MANIFEST_BYTES, options);
  if (found !== undefined) return parseTombstone(found.content) === undefined;
  // Conditionally it was there a moment ago: somebody removes backups while we look.
  await storage.put(key, body, options);
  return false;
}
