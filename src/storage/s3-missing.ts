import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { attempt, type S3Place } from "./s3-request.ts";
import { isStorageError, StorageError } from "./storage-error.ts";
import type { StorageOptions } from "./storage.ts";

/**
 * Runs a request for one object. Who may not list the whole bucket gets the same answer, 403, for an object that is not there as
 * for one that is forbidden; a listing of this key alone, which a role may have below its prefix, tells them apart.
 *
 * @throws StorageError what the request did, but `not-found` where the object is not there
 */
export async function tellMissing<T>(
  place: S3Place,
  key: string,
  what: string,
  options: StorageOptions | undefined,
  request: () => Promise<T>,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (!isStorageError(error, "not-permitted") || !(await isMissing(place, key, what, options))) throw error;
    throw new StorageError("not-found", `${what}: there is no such object`, { cause: error });
  }
}

/** False also where it may not be known. */
async function isMissing(
  place: S3Place,
  key: string,
  what: string,
  options: StorageOptions | undefined,
): Promise<boolean> {
  const fullKey = place.fullKey(key);
  // Keys come in order, so that the one itself is the first of those that begin with it.
  const command = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: fullKey, MaxKeys: 1 });
  try {
    const { Contents = [] } = await attempt(what, options, (abort) => place.client.send(command, abort));
    return Contents[0]?.Key !== fullKey;
  } catch (error) {
    if (isStorageError(error, "not-permitted")) return false;
    throw error;
  }
}
