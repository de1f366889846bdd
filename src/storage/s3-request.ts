import { AbortMultipartUploadCommand, type S3Client } from "@aws-sdk/client-s3";
import { classifyS3Error } from "./s3-error.ts";
import { isStorageError } from "./storage-error.ts";
import type { StorageOptions } from "./storage.ts";

/** What the parts of this adapter share. */
export interface S3Place {
  client: S3Client;
  bucket: string;
  /** Turns a storage key into the bucket's. */
  fullKey(key: string): string;
  /** And back. */
  ownKey(fullKey: string): string;
  /** Fields that every write carries. */
  encryption: { ServerSideEncryption?: "aws:kms"; SSEKMSKeyId?: string };
}

/** Runs one request and classifies its failure. `what` becomes the beginning of the message. */
export async function attempt<T>(
  what: string,
  options: StorageOptions | undefined,
  request: (abort: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  const signal = options?.signal;
  signal?.throwIfAborted();
  try {
    return await request(signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw classifyS3Error(error, what);
  }
}

/** Throws an upload away. One that was completed or aborted already is no error. */
export async function abortUpload(
  place: S3Place,
  upload: { Bucket: string; Key: string; UploadId: string },
  what: string,
  options?: StorageOptions,
): Promise<void> {
  try {
    const command = new AbortMultipartUploadCommand(upload);
    await attempt(what, options, (abort) => place.client.send(command, abort));
  } catch (error) {
    if (!isNoSuchUpload(error)) throw error;
  }
}

/** Whether the store says that it knows no such upload: it was completed or aborted. */
export function isNoSuchUpload(error: unknown): boolean {
  return isStorageError(error) && error.cause instanceof Error && error.cause.name === "NoSuchUpload";
}
