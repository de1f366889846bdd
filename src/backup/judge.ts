import { newestReadableGood } from "../repository/catalogue.ts";
import type { Manifest } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { contentsOf, findSuspicions } from "./suspect.ts";

/**
 * Reads what a new backup is compared with, while nothing is made yet: the newest good backup that can be read. What is
 * given back adds to a manifest why it is suspect, if it is.
 *
 * @throws StorageError where the storage cannot be listed or read
 */
export async function prepareJudge(
  storage: Storage,
  { database, volatileTables }: { database: string; volatileTables?: readonly string[] | undefined },
  signal: AbortSignal,
): Promise<(manifest: Manifest) => Manifest> {
  const lastGood = await newestReadableGood(storage, database, { signal });
  const earlier = lastGood === undefined ? undefined : contentsOf(lastGood);
  return (manifest) => {
    const suspect = findSuspicions(contentsOf(manifest), earlier, volatileTables);
    return suspect.length === 0 ? manifest : { ...manifest, suspect };
  };
}
