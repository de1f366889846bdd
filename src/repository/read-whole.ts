import { DataopsError } from "../errors.ts";
import type { ByteRange, Storage, StorageOptions } from "../storage/storage.ts";

/**
 * The content of one small object, or of a part of one.
 *
 * @throws DataopsError `corrupt` where it is larger than `maxBytes`, before more than that is held in memory;
 *   StorageError as `Storage.get` does
 */
export async function readWhole(
  storage: Storage,
  key: string,
  maxBytes: number,
  options: StorageOptions & { range?: ByteRange } = {},
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of await storage.get(key, options)) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new DataopsError("corrupt", `${key} in ${storage.url} is larger than ${maxBytes} bytes`, {
        hint: "find out what wrote to the storage",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
