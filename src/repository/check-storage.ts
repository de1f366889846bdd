import { probeConditionalWrites } from "../storage/probe.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { ensureMarker, readMarker } from "./marker.ts";

export interface StorageCheck {
  /** Whether "create, unless it is there" is more than a pretence in this storage. */
  conditional: boolean;
  /** Why not, where it is not. */
  reason: string | undefined;
}

/**
 * Writes to the storage, and takes away again, what shows whether it can be written; leaves the marker. A storage in a newer
 * format is not touched.
 *
 * @throws DataopsError `notPermitted`, `unreachable`, `refused` for a storage in a newer format
 */
export async function checkStorage(storage: Storage, options: StorageOptions): Promise<StorageCheck> {
  const marker = await readMarker(storage, options);
  const probe = await probeConditionalWrites(storage, options);
  const { conditional } = probe;
  if (marker === undefined) await ensureMarker(storage, { ...options, conditional });
  return { conditional, reason: probe.conditional ? undefined : probe.reason };
}
