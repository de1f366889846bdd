import { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import { classifyS3Error } from "./s3-error.ts";
import { attempt, type S3Place } from "./s3-request.ts";
import { listObjects, listUploads } from "./s3-list.ts";
import { tellMissing } from "./s3-missing.ts";
import { startS3Upload } from "./s3-upload.ts";
import { isStorageError, StorageError } from "./storage-error.ts";
import type { ObjectInfo, PartLimits, Storage, StorageOptions } from "./storage.ts";

const MIB = 1024 * 1024;

/** S3's own limits; a vendor may allow fewer parts. */
const MIN_PART_SIZE = 5 * MIB;
const MAX_PART_SIZE = 5 * 1024 * MIB;
const MAX_PARTS = 10_000;
/** Several of these are in memory at a time. */
const DEFAULT_PART_SIZE = MIN_PART_SIZE;

const DEFAULT_CONNECT_TIMEOUT = 10_000;
const DEFAULT_IDLE_TIMEOUT = 60_000;

export interface S3Settings {
  bucket: string;
  /** Without slashes at its ends; may be empty. */
  prefix: string;
  endpoint?: string | undefined;
  region?: string | undefined;
  /** Default: only where an endpoint is given. */
  forcePathStyle?: boolean | undefined;
  /** Bytes. */
  partSize?: number | undefined;
  maxParts?: number | undefined;
  checksums?: "when-supported" | "when-required" | undefined;
  kmsKeyId?: string | undefined;
  /** Milliseconds to wait for a connection. */
  connectTimeout?: number | undefined;
  /** Milliseconds without a byte in either direction after which a request has failed. */
  idleTimeout?: number | undefined;
  /** For tests; otherwise the SDK's whole chain is asked: environment, profile, SSO, web identity, container, instance. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
}

/** A bucket's prefix as a storage. One try for each request: `retrying` is the one who tries again. */
export function openS3Storage(settings: S3Settings): Storage {
  const { bucket, prefix } = settings;
  const url = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  const idleTimeout = settings.idleTimeout ?? DEFAULT_IDLE_TIMEOUT;
  const client = new S3Client(clientConfig(settings, idleTimeout));
  const start = prefix === "" ? "" : `${prefix}/`;
  const place: S3Place = {
    client,
    bucket,
    fullKey: (key) => `${start}${key}`,
    ownKey: (fullKey) => fullKey.slice(start.length),
    encryption:
      settings.kmsKeyId === undefined
        ? {}
        : { ServerSideEncryption: "aws:kms", SSEKMSKeyId: settings.kmsKeyId },
  };
  const target = (key: string): { Bucket: string; Key: string } => ({
    Bucket: bucket,
    Key: place.fullKey(checked(key)),
  });

  async function write(
    key: string,
    body: Uint8Array,
    condition: { IfMatch?: string; IfNoneMatch?: string },
    options: StorageOptions | undefined,
  ): Promise<ObjectInfo> {
    const command = new PutObjectCommand({
      ...target(key),
      ...place.encryption,
      ...condition,
      Body: body,
      ContentLength: body.byteLength,
    });
    const { ETag } = await attempt(`writing ${key} to ${url}`, options, (abort) =>
      client.send(command, abort),
    );
    return { key, size: body.byteLength, tag: ETag ?? "", modified: new Date() };
  }

  async function head(key: string, options: StorageOptions | undefined): Promise<ObjectInfo> {
    const what = `looking for ${key} in ${url}`;
    const command = new HeadObjectCommand(target(key));
    const found = await tellMissing(place, key, what, options, () =>
      attempt(what, options, (abort) => client.send(command, abort)),
    );
    return {
      key,
      size: found.ContentLength ?? 0,
      tag: found.ETag ?? "",
      modified: found.LastModified ?? new Date(0),
    };
  }

  return {
    url,
    limits: limitsOf(settings),
    put: (key, body, options) => write(key, body, {}, options),
    create: (key, body, options) => write(key, body, { IfNoneMatch: "*" }, options),
    replace: async (key, body, tag, options) => {
      const ifTag = (IfMatch: string): Promise<ObjectInfo> =>
        tellMissing(place, key, `writing ${key} to ${url}`, options, () =>
          write(key, body, { IfMatch }, options),
        );
      try {
        return await ifTag(tag).catch(async (error: unknown) => {
          if (!isStorageError(error, "precondition-failed")) throw error;
          // Some Ceph releases compare the tag with its quotes to one without, and never find them equal.
          const current = await head(key, options);
          if (current.tag !== tag) throw error;
          return ifTag(tag.replaceAll('"', ""));
        });
      } catch (error) {
        if (!isStorageError(error, "not-found")) throw error;
        throw new StorageError("precondition-failed", `there is no ${key} in ${url} to replace`, {
          cause: error,
        });
      }
    },
    startUpload: (key, _partSize, options) =>
      attempt(`starting the upload of ${key} to ${url}`, options, (abort) =>
        startS3Upload(place, checked(key), url, abort),
      ),
    get: async (key, options) => {
      const what = `reading ${key} from ${url}`;
      const range = options?.range;
      if (range !== undefined && range.end <= range.start) {
        // HTTP knows no empty range.
        const { size } = await head(key, options);
        if (range.end > size) throw tooShort(key, url, range.end);
        return nothing();
      }
      const command = new GetObjectCommand({
        ...target(key),
        ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
      });
      const found = await tellMissing(place, key, what, options, () =>
        attempt(what, options, (abort) => client.send(command, abort)),
      );
      const body = found.Body;
      if (!(body instanceof Readable)) throw new StorageError("permanent", `${what}: the answer has no body`);
      const expected = range === undefined ? found.ContentLength : range.end - range.start;
      if (range !== undefined && found.ContentLength !== expected) {
        body.destroy();
        throw tooShort(key, url, range.end);
      }
      return readBody(body, { expected, what, idleTimeout, signal: options?.signal });
    },
    head,
    list: (keyPrefix, options) => listObjects(place, keyPrefix, `listing ${url}`, options),
    listUploads: (keyPrefix, options) =>
      listUploads(place, keyPrefix, `listing the uploads of ${url}`, options),
    delete: async (key, options) => {
      try {
        await attempt(`deleting ${key} from ${url}`, options, (abort) =>
          client.send(new DeleteObjectCommand(target(key)), abort),
        );
      } catch (error) {
        if (!isStorageError(error, "not-found")) throw error;
      }
    },
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

function clientConfig(settings: S3Settings, idleTimeout: number): S3ClientConfig {
  const checksums = settings.checksums === "when-required" ? "WHEN_REQUIRED" : "WHEN_SUPPORTED";
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  // A variable that is empty is as good as not set, for the SDK as well.
  const ownEndpoint = [settings.endpoint, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL].find(Boolean);
  // A store of one's own has no regions, but a signature needs one.
  const region =
    settings.region ?? (ownEndpoint === undefined ? undefined : (process.env["AWS_REGION"] ?? "us-east-1"));
  return {
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    forcePathStyle: settings.forcePathStyle ?? ownEndpoint !== undefined,
    followRegionRedirects: true,
    maxAttempts: 1,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    requestHandler: {
      connectionTimeout: settings.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT,
      socketTimeout: idleTimeout,
    },
  };
}

function limitsOf({ partSize, maxParts }: S3Settings): PartLimits {
  return {
    minPartSize: MIN_PART_SIZE,
    maxPartSize: MAX_PART_SIZE,
    maxParts: maxParts ?? MAX_PARTS,
    partSize: Math.max(partSize ?? DEFAULT_PART_SIZE, MIN_PART_SIZE),
  };
}

interface ReadOptions {
  /** Bytes that must come; undefined where the store did not say. */
  expected: number | undefined;
  what: string;
  idleTimeout: number;
  signal: AbortSignal | undefined;
}

/** Gives the body on, fails when it stalls or ends early, and lets go of the connection in every case. */
async function* readBody(
  body: Readable,
  { expected, what, idleTimeout, signal }: ReadOptions,
): AsyncIterable<Uint8Array> {
  const stalled = new StorageError("transient", `${what}: no byte came for ${idleTimeout / 1000} s`);
  const timer = setTimeout(() => void body.destroy(stalled), idleTimeout);
  const onAbort = (): void => void body.destroy(new Error("aborted"));
  signal?.addEventListener("abort", onAbort, { once: true });
  let received = 0;
  try {
    signal?.throwIfAborted();
    for await (const chunk of body) {
      received += chunk.byteLength;
      timer.refresh();
      yield chunk;
      timer.refresh();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw classifyS3Error(error, what);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    body.destroy();
  }
  if (expected !== undefined && received !== expected) {
    throw new StorageError("transient", `${what}: ${received} of ${expected} bytes came`);
  }
}

function tooShort(key: string, url: string, end: number): StorageError {
  return new StorageError("permanent", `${key} in ${url} does not have the bytes up to ${end}`);
}

async function* nothing(): AsyncIterable<Uint8Array> {}

/** A key that another store would take for a path must not get into this one. */
function checked(key: string): string {
  const isBad = (segment: string): boolean =>
    segment === "" || segment === "." || segment === ".." || segment.includes("\0");
  if (key.split("/").some(isBad))
    throw new StorageError("permanent", `not a valid key: ${JSON.stringify(key)}`);
  return key;
}
