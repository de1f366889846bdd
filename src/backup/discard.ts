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
