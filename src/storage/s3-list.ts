import { ListMultipartUploadsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { abortUpload, attempt, type S3Place } from "./s3-request.ts";
import { StorageError } from "./storage-error.ts";
import type { ObjectInfo, StorageOptions, UnfinishedUpload } from "./storage.ts";

/** Every object below the prefix, page after page. */
export async function* listObjects(
  place: S3Place,
  prefix: string,
  what: string,
  options: StorageOptions | undefined,
): AsyncIterable<ObjectInfo> {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: place.bucket,
      Prefix: place.fullKey(prefix),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await attempt(what, options, (abort) => place.client.send(command, abort));
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      if (Key === undefined) continue;
      yield {
        key: place.ownKey(Key),
        size: Size ?? 0,
        tag: ETag ?? "",
        modified: LastModified ?? new Date(0),
      };
    }
    token = nextPage(page.IsTruncated, page.NextContinuationToken, what);
  } while (token !== undefined);
}

/** Every multipart upload below the prefix that was begun and not ended. */
export async function* listUploads(
  place: S3Place,
  prefix: string,
  what: string,
  options: StorageOptions | undefined,
): AsyncIterable<UnfinishedUpload> {
  let marker: { KeyMarker: string; UploadIdMarker?: string } | undefined;
  do {
    const command = new ListMultipartUploadsCommand({
      Bucket: place.bucket,
      Prefix: place.fullKey(prefix),
      ...marker,
    });
    const page = await attempt(what, options, (abort) => place.client.send(command, abort));
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) continue;
      yield {
        key: place.ownKey(Key),
        started: Initiated ?? new Date(0),
        abort: (own) =>
          abortUpload(
            place,
            { Bucket: place.bucket, Key, UploadId },
            `aborting an upload of ${place.ownKey(Key)}`,
            own,
          ),
      };
    }
    const next = nextPage(page.IsTruncated, page.NextKeyMarker, what);
    const uploadId = page.NextUploadIdMarker;
    marker =
      next === undefined
        ? undefined
        : { KeyMarker: next, ...(uploadId === undefined ? {} : { UploadIdMarker: uploadId }) };
  } while (marker !== undefined);
}

/** A page that says there is more, and not where, must not pass for the end. */
function nextPage(
  isTruncated: boolean | undefined,
  token: string | undefined,
  what: string,
): string | undefined {
  if (isTruncated !== true) return undefined;
  if (token !== undefined && token !== "") return token;
  throw new StorageError("permanent", `${what}: the listing was cut without saying where it goes on`);
}
