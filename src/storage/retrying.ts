import { setTimeout as delay } from "node:timers/promises";
import { isStorageError } from "./storage-error.ts";
import type { ByteRange, ObjectInfo, Storage, StorageOptions, Upload } from "./storage.ts";

export interface RetryPolicy {
  /** How often an operation is tried in all. */
  attempts: number;
  /** Milliseconds; the bound of the first wait. Each further bound is twice the one before. */
  baseDelay: number;
  /** Milliseconds; no wait is longer. */
  maxDelay: number;
  /** Called before each wait. */
  onRetry?: ((error: unknown, attempt: number, delay: number) => void) | undefined;
  sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>) | undefined;
  /** From 0 up to 1. */
  random?: (() => number) | undefined;
}

/** About a minute in all: longer than a throttled bucket needs to scale, shorter than anyone's patience. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = { attempts: 7, baseDelay: 500, maxDelay: 20_000 };

/**
 * Tries again what failed with a transient error, waiting between tries with exponential back-off and full jitter.
 *
 * A read that breaks in the middle goes on at the byte where it broke. A conditional write that is refused on a later try
 * may have been done by an earlier one, whose answer was lost: it counts as done where the body is there, byte for byte.
 */
export function retrying(storage: Storage, policy: RetryPolicy = DEFAULT_RETRY_POLICY): Storage {
  const again = makeRetry(policy);

  return {
    url: storage.url,
    limits: storage.limits,
    put: (key, body, options) => again(options, () => storage.put(key, body, options)),
    create: (key, body, options) =>
      conditionally(key, body, options, () => storage.create(key, body, options)),
    replace: (key, body, tag, options) =>
      conditionally(key, body, options, () => storage.replace(key, body, tag, options)),
    startUpload: async (key, partSize, options) =>
      retryingUpload(await again(options, () => storage.startUpload(key, partSize, options)), again),
    get: async (key, options) => {
      // The first byte is asked for here, so that `not-found` comes from `get` itself, as promised.
      const first = await again(options, () => storage.get(key, options));
      const reopen = async (start: number): Promise<AsyncIterable<Uint8Array>> => {
        const end = options?.range?.end ?? (await storage.head(key, options)).size;
        return storage.get(key, { ...options, range: { start, end } });
      };
      return resume(first, options, reopen, again);
    },
    head: (key, options) => again(options, () => storage.head(key, options)),
    list: (prefix, options) => listAll(() => storage.list(prefix, options), options, again),
    listUploads: (prefix, options) => listAll(() => storage.listUploads(prefix, options), options, again),
    delete: (key, options) => again(options, () => storage.delete(key, options)),
    close: () => storage.close(),
  };

  function conditionally(
    key: string,
    body: Uint8Array,
    options: StorageOptions | undefined,
    write: () => Promise<ObjectInfo>,
  ): Promise<ObjectInfo> {
    return again(options, async (attempt) => {
      try {
        return await write();
      } catch (error) {
        if (attempt === 1 || !isStorageError(error, "precondition-failed")) throw error;
        const own = await findOwn(key, body, options);
        if (own === undefined) throw error;
        return own;
      }
    });
  }

  /** The object, where it is what an earlier try may have written. */
  async function findOwn(
    key: string,
    body: Uint8Array,
    options: StorageOptions | undefined,
  ): Promise<ObjectInfo | undefined> {
    try {
      const info = await storage.head(key, options);
      if (info.size !== body.byteLength) return undefined;
      const chunks: Uint8Array[] = [];
      for await (const chunk of await storage.get(key, options)) chunks.push(chunk);
      return Buffer.concat(chunks).equals(body) ? info : undefined;
    } catch (error) {
      if (isStorageError(error, "not-found")) return undefined;
      throw error; // not knowing is no answer: a transient failure is tried again
    }
  }
}

type Retry = <T>(
  options: StorageOptions | undefined,
  operation: (attempt: number) => Promise<T>,
) => Promise<T>;

function makeRetry(policy: RetryPolicy): Retry {
  const sleep = policy.sleep ?? ((milliseconds, signal) => delay(milliseconds, undefined, { signal }));
  const random = policy.random ?? Math.random;
  return async (options, operation) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await operation(attempt);
      } catch (error) {
        options?.signal?.throwIfAborted();
        if (!isStorageError(error, "transient") || attempt >= policy.attempts) throw error;
        const wait = random() * Math.min(policy.maxDelay, policy.baseDelay * 2 ** (attempt - 1));
        policy.onRetry?.(error, attempt, wait);
        await sleep(wait, options?.signal).catch((reason: unknown) => {
          options?.signal?.throwIfAborted();
          throw reason;
        });
      }
    }
  };
}

function retryingUpload(upload: Upload, again: Retry): Upload {
  return {
    key: upload.key,
    part: (number, body, options) => again(options, () => upload.part(number, body, options)),
    complete: (parts, options) => again(options, () => upload.complete(parts, options)),
    abort: (options) => again(options, () => upload.abort(options)),
  };
}

/** Goes on reading where a read broke. Each byte that arrives earns the full number of tries anew. */
async function* resume(
  first: AsyncIterable<Uint8Array>,
  options: (StorageOptions & { range?: ByteRange }) | undefined,
  reopen: (start: number) => Promise<AsyncIterable<Uint8Array>>,
  again: Retry,
): AsyncIterable<Uint8Array> {
  let iterator = first[Symbol.asyncIterator]();
  let position = options?.range?.start ?? 0;
  let broken = false;
  try {
    for (;;) {
      const step = await again(options, async () => {
        if (broken) {
          iterator = (await reopen(position))[Symbol.asyncIterator]();
          broken = false;
        }
        try {
          return await iterator.next();
        } catch (error) {
          broken = true;
          throw error;
        }
      });
      if (step.done === true) return;
      position += step.value.byteLength;
      yield step.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** A listing that broke is begun again. */
async function* listAll<T extends { key: string }>(
  list: () => AsyncIterable<T>,
  options: StorageOptions | undefined,
  again: Retry,
): AsyncIterable<T> {
  // Collected whole, so that a consumer never acts on half a listing.
  const all = await again(options, async () => {
    const found: T[] = [];
    for await (const item of list()) found.push(item);
    return found;
  });
  yield* all;
}
