import type { Storage } from "../storage/storage.ts";

/** Milliseconds; a backup that was terminated has 25 s in all. */
const DISCARD_TIMEOUT = 5_000;

/**
 * Removes what a failed backup left, where that is possible. Without its manifest it is no backup, whether it stays or
 * goes: a failure here never hides the one that led here.
 */
export async function discardObject(storage: Storage, key: string): Promise<void> {
  await storage.delete(key, { signal: AbortSignal.timeout(DISCARD_TIMEOUT) }).catch(() => undefined);
}

/**
 * Throws away uploads of the object that nobody will end: of a beginning whose answer was lost, or that could not be
 * aborted when it failed. Whether it works or not, nothing of them is visible as a backup.
 */
export async function discardUploads(storage: Storage, key: string): Promise<void> {
  const signal = AbortSignal.timeout(DISCARD_TIMEOUT);
  try {
    for await (const upload of storage.listUploads(key, { signal })) {
      if (upload.key === key) await upload.abort({ signal });
    }
  } catch {
    // The failure that led here is the one to be told.
  }
}
