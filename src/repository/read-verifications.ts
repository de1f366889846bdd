import { isDataopsError } from "../errors.ts";
import { inParallel } from "../parallel.ts";
import type { Storage } from "../storage/storage.ts";
import { readVerification, type Verification } from "./verification.ts";

/** Verifications read at the same time. */
const READERS = 16;

export interface Verifications {
  /** By the backups' ids. */
  found: Map<string, Verification>;
  /** Ids of backups whose verification cannot be read. */
  unreadable: string[];
}

/**
 * What the verifications of several backups came to.
 *
 * @throws StorageError as `Storage.get` does; after an abort: the signal's reason
 */
export async function readVerifications(
  storage: Storage,
  backups: readonly { database: string; id: string }[],
  signal: AbortSignal,
): Promise<Verifications> {
  const found = new Map<string, Verification>();
  const unreadable: string[] = [];
  await inParallel(backups, READERS, signal, async (backup, either) => {
    try {
      const verification = await readVerification(storage, backup, { signal: either });
      if (verification !== undefined) found.set(backup.id, verification);
    } catch (error) {
      if (!isDataopsError(error, "corrupt")) throw error;
      unreadable.push(backup.id);
    }
  });
  return { found, unreadable };
}
