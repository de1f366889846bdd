import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import { abortUpload, attempt, isNoSuchUpload, type S3Place } from "./s3-request.ts";
import { isStorageError, StorageError } from "./storage-error.ts";
import type { ObjectInfo, StorageOptions, Upload } from "./storage.ts";

/** Begins a multipart upload. Failures of this first request are classified by the caller. */
export async function startS3Upload(
  place: S3Place,
  key: string,
  url: string,
  abort: { abortSignal?: AbortSignal },
): Promise<Upload> {
  const target = { Bucket: place.bucket, Key: place.fullKey(key) };
  const created = await place.client.send(
    new CreateMultipartUploadCommand({ ...target, ...place.encryption }),
    abort,
  );
  if (created.UploadId === undefined)
    throw new StorageError("permanent", `${url} gave no id for the upload of ${key}`);
  return new S3Upload(place, key, url, created.UploadId);
}

class S3Upload implements Upload {
  readonly key: string;
  readonly #place: S3Place;
  readonly #url: string;
  readonly #target: { Bucket: string; Key: string; UploadId: string };
  readonly #parts = new Map<number, CompletedPart & { size: number }>();

  constructor(place: S3Place, key: string, url: string, uploadId: string) {
    this.key = key;
    this.#place = place;
    this.#url = url;
    this.#target = { Bucket: place.bucket, Key: place.fullKey(key), UploadId: uploadId };
  }

  async part(number: number, body: Uint8Array, options?: StorageOptions): Promise<void> {
    const command = new UploadPartCommand({
      ...this.#target,
      PartNumber: number,
      Body: body,
      ContentLength: body.byteLength,
    });
    const what = `uploading part ${number} of ${this.key} to ${this.#url}`;
    const sent = await attempt(what, options, (abort) => this.#place.client.send(command, abort));
    const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 } = sent;
    this.#parts.set(number, {
      PartNumber: number,
      ETag,
      ChecksumCRC32,
      ChecksumCRC32C,
      ChecksumCRC64NVME,
      ChecksumSHA1,
      ChecksumSHA256,
      size: body.byteLength,
    });
  }

  async complete(parts: number, options?: StorageOptions): Promise<ObjectInfo> {
    options?.signal?.throwIfAborted();
    const Parts: CompletedPart[] = [];
    let size = 0;
    for (let number = 1; number <= parts; number += 1) {
      const part = this.#parts.get(number);
      if (part === undefined)
        throw new StorageError("permanent", `part ${number} of ${this.key} was never sent`);
      const { size: partSize, ...completed } = part;
      Parts.push(completed);
      size += partSize;
    }
    const command = new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload: { Parts } });
    const what = `completing the upload of ${this.key} to ${this.#url}`;
    try {
      const { ETag } = await attempt(what, options, (abort) => this.#place.client.send(command, abort));
      // Ceph may leave the tag out, or empty.
      if (ETag !== undefined && ETag !== "") return { key: this.key, size, tag: ETag, modified: new Date() };
    } catch (error) {
      const done = isNoSuchUpload(error) ? await this.#findCompleted(size, options) : undefined;
      if (done === undefined) throw error;
      return done;
    }
    const done = await this.#findCompleted(size, options);
    if (done === undefined) throw new StorageError("transient", `${what}: the object is not there`);
    return done;
  }

  abort(options?: StorageOptions): Promise<void> {
    const what = `aborting the upload of ${this.key} to ${this.#url}`;
    return abortUpload(this.#place, this.#target, what, options);
  }

  /** An earlier completion may have succeeded though its answer was lost: then the upload is gone and the object is there. */
  async #findCompleted(size: number, options: StorageOptions | undefined): Promise<ObjectInfo | undefined> {
    const { Bucket, Key } = this.#target;
    const command = new HeadObjectCommand({ Bucket, Key });
    const found = await attempt(`looking for ${this.key} in ${this.#url}`, options, (abort) =>
      this.#place.client.send(command, abort),
    ).catch((error: unknown) => {
      if (isStorageError(error, "not-found")) return undefined;
      throw error;
    });
    if (found?.ContentLength !== size) return undefined;
    return { key: this.key, size, tag: found.ETag ?? "", modified: found.LastModified ?? new Date() };
  }
}
