import type { Storage } from "../../storage/storage.ts";
import { packKey, packsPrefix } from "../keys.ts";
import type { ManifestBlocks } from "../manifest.ts";

/**
 * Every pack of a database that is in the storage, with its size in bytes, by its key.
 *
 * @throws what the storage throws: never a part of the list
 */
export async function listPacks(
  storage: Storage,
  database: string,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const { key, size } of storage.list(packsPrefix(database), { signal })) found.set(key, size);
  return found;
}

export interface MissingPack {
  name: string;
  /** What is the matter, for people. */
  what: string;
}

/** The packs that are not there, or not as long as a manifest says. Pure. */
export function findMissing(
  database: string,
  wanted: ManifestBlocks["packs"],
  found: ReadonlyMap<string, number>,
): MissingPack[] {
  return wanted.flatMap(({ name, size }) => {
    const actual = found.get(packKey(database, name));
    if (actual === size) return [];
    const what = actual === undefined ? "is missing" : `has ${actual} bytes instead of ${size}`;
    return [{ name, what: `${packKey(database, name)} ${what}` }];
  });
}
