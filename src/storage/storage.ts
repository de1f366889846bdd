/**
 * The one interface through which dataops reads and writes where backups are kept.
 *
 * Its comments are the contract: `test/contract/storage.ts` holds every adapter and wrapper to them.
 *
 * Keys are relative to the storage's prefix, are made of non-empty segments joined by `/`, and never hold `..`.
 * All methods take an AbortSignal and end soon after it fires, with its reason.
 */

/** What the storage knows of one object. */
export interface ObjectInfo {
  key: string;
  /** Bytes. */
  size: number;
  /** Changes whenever the content does; what `replace` compares. Opaque. */
  tag: string;
  /** When the object was last written, by the storage's clock. */
  modified: Date;
}

export interface StorageOptions {
  signal?: AbortSignal | undefined;
}

/** The bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/** A place for objects: a bucket's prefix or a folder. */
export interface Storage {
  /** For people: `s3://bucket/prefix` or `file:///dir`, never with credentials. */
  readonly url: string;

  /** The limits that an upload's parts must keep. */
  readonly limits: PartLimits;

  /** Writes a whole small object, replacing what was there. A reader sees the old or the new, never a mixture. */
  put(key: string, body: Uint8Array, options?: StorageOptions): Promise<ObjectInfo>;

  /**
   * Writes an object that must not exist yet; otherwise fails with `precondition-failed`. Of callers at once, at most one
   * succeeds. A `transient` failure leaves open whether the object was written; `retrying` finds it out.
   */
  create(key: string, body: Uint8Array, options?: StorageOptions): Promise<ObjectInfo>;

  /** Replaces an object whose tag is still `tag`; otherwise (also when it is gone) fails with `precondition-failed`. Else as `create`. */
  replace(key: string, body: Uint8Array, tag: string, options?: StorageOptions): Promise<ObjectInfo>;

  /**
   * Begins an object of unknown length, in parts of `partSize` bytes; only the last may be shorter.
   * Nothing is visible under `key` before `complete`.
   */
  startUpload(key: string, partSize: number, options?: StorageOptions): Promise<Upload>;

  /** The object's bytes, or those of `range`. Fails with `not-found` before the first byte, never with a short body. */
  get(key: string, options?: StorageOptions & { range?: ByteRange }): Promise<AsyncIterable<Uint8Array>>;

  /** What is known of the object; fails with `not-found`. */
  head(key: string, options?: StorageOptions): Promise<ObjectInfo>;

  /** Every object whose key starts with `prefix`, over all pages, in no promised order. Fails rather than end early. */
  list(prefix: string, options?: StorageOptions): AsyncIterable<ObjectInfo>;

  /** The uploads begun under `prefix` and neither completed nor aborted. */
  listUploads(prefix: string, options?: StorageOptions): AsyncIterable<UnfinishedUpload>;

  /** Removes the object; one that is not there is no error. */
  delete(key: string, options?: StorageOptions): Promise<void>;

  /** Lets go of connections. */
  close(): Promise<void>;
}

/** An object on its way. Parts may be sent in any order and at the same time, numbered from 1 without gaps. */
export interface Upload {
  readonly key: string;
  /**
   * Sends one part, whole. The bytes belong to the upload until the promise settles, and to the caller again after.
   * A part that failed may be sent again.
   */
  part(number: number, body: Uint8Array, options?: StorageOptions): Promise<void>;
  /** Makes the object visible, from all parts sent. `parts` is their number. */
  complete(parts: number, options?: StorageOptions): Promise<ObjectInfo>;
  /** Throws all of it away. Safe to call at any time before `complete`, and more than once. */
  abort(options?: StorageOptions): Promise<void>;
}

/** An upload that was begun and never ended. */
export interface UnfinishedUpload {
  key: string;
  started: Date;
  abort(options?: StorageOptions): Promise<void>;
}

export interface PartLimits {
  /** Bytes; the smallest part that is not the last. 5 MiB on S3. */
  minPartSize: number;
  /** Bytes; the largest part. 5 GiB on S3. */
  maxPartSize: number;
  /** The most parts of one upload: 10,000 on S3, 1,000 at some vendors. */
  maxParts: number;
  /** Bytes; the size to start from. */
  partSize: number;
}

/**
 * - `not-found`: no such object, or no such bucket (then `what` says so)
 * - `precondition-failed`: `create` found one, or `replace` found another tag
 * - `not-permitted`: credentials or grants
 * - `transient`: worth another try: throttling, 5xx, a connection that broke or stalled, an expired token
 * - `permanent`: everything else; another try would end the same
 */
export type StorageErrorKind =
  | "not-found"
  | "precondition-failed"
  | "not-permitted"
  | "transient"
  | "permanent";
