import { DataopsError } from "../errors.ts";
import { findMissing, listPacks } from "../repository/blocks/find-packs.ts";
import { archiveKey } from "../repository/keys.ts";
import type { Manifest } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { CommitError, commitManifest, type CommitOptions } from "./commit.ts";
import { discardObject } from "./discard.ts";

export interface PublishOptions extends CommitOptions {
  /** Takes away the packs that the backup wrote. */
  discardPacks: () => Promise<void>;
}

/**
 * Writes the manifest; where it certainly does not exist, all that the backup stored goes, too.
 *
 * A pack of an earlier backup that is gone since this one began ends it: better no backup than one that lacks rows.
 *
 * @throws as `commitManifest`; DataopsError `failed` where a pack is gone
 */
export async function publish(storage: Storage, manifest: Manifest, options: PublishOptions): Promise<void> {
  try {
    await checkPacks(storage, manifest, options.signal);
    await commitManifest(storage, manifest, options);
  } catch (error) {
    const mayExist = error instanceof CommitError && error.mayExist;
    if (!mayExist) {
      await discardObject(storage, archiveKey(manifest.database, manifest.id));
      await options.discardPacks();
    }
    throw error;
  }
}

async function checkPacks(
  storage: Storage,
  { database, blocks }: Manifest,
  signal: AbortSignal,
): Promise<void> {
  if (blocks === null) return;
  const [missing] = findMissing(database, blocks.packs, await listPacks(storage, database, signal));
  if (missing === undefined) return;
  throw new DataopsError("failed", `while the backup ran, something else was deleted: ${missing.what}`, {
    hint: "run the backup again, and find out what deletes from the storage",
  });
}
