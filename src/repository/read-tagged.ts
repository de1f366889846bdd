import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { readWhole } from "./read-whole.ts";

/**
 * A small object with a tag for `replace`; undefined where there is none. The tag was looked up first: where somebody wrote
 * between the two requests it is too old, never too new, and `replace` fails.
 *
 * @throws DataopsError `corrupt` where it is larger than `maxBytes`; StorageError as `Storage.get` does
 */
export async function readTagged(
  storage: Storage,
  key: string,
  maxBytes: number,
  options: StorageOptions = {},
): Promise<{ content: Uint8Array; tag: string } | undefined> {
  try {
    const { tag } = await storage.head(key, options);
    return { content: await readWhole(storage, key, maxBytes, options), tag };
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
}
