import type { Storage } from "../../src/storage/storage.ts";

/** The methods that make requests. */
type Operation = Exclude<keyof Storage, "url" | "limits" | "close">;

/** What goes wrong, and how often. */
export interface FaultRules {
  /** Fails the `nth` call (from 1) of `operation`. */
  fail?: { operation: Operation; nth: number; error: Error };
  /** Every body ends, without an error, at this byte of the object. */
  cutAt?: number;
  /** Flips the lowest bit of this byte of the object, in the first `times` bodies that hold it (in all, by default). */
  flip?: { byte: number; times?: number };
  /** Bodies come in chunks of at most so many bytes. */
  chunkSize?: number;
  /** Called before each chunk of a body goes out, with all the bytes that went out before. What it throws breaks the body. */
  beforeChunk?: (bytes: number) => unknown;
}

export interface FaultyStorage extends Storage {
  /** Calls so far. */
  readonly calls: Record<Operation, number>;
  /** Bytes of bodies that were read so far. */
  readonly bytesRead: number;
}

/** A storage that goes wrong by rule, and counts. Without rules it only counts. */
export function faultyStorage(inner: Storage, rules: FaultRules = {}): FaultyStorage {
  const calls: Record<Operation, number> = {
    put: 0,
    create: 0,
    replace: 0,
    startUpload: 0,
    get: 0,
    head: 0,
    list: 0,
    listUploads: 0,
    delete: 0,
  };
  let bytesRead = 0;
  let flips = 0;

  function count(operation: Operation): void {
    calls[operation] += 1;
    const { fail } = rules;
    if (fail?.operation === operation && fail.nth === calls[operation]) throw fail.error;
  }

  async function* spoil(body: AsyncIterable<Uint8Array>, start: number): AsyncGenerator<Uint8Array> {
    let position = start;
    for await (const whole of body) {
      for (const chunk of slices(whole, rules.chunkSize ?? whole.byteLength)) {
        await rules.beforeChunk?.(bytesRead);
        const kept = chunk.subarray(0, Math.max(0, (rules.cutAt ?? Infinity) - position));
        const spoiled = flip(kept, position);
        position += chunk.byteLength;
        bytesRead += spoiled.byteLength;
        if (spoiled.byteLength > 0) yield spoiled;
        if (kept.byteLength < chunk.byteLength) return;
      }
    }
  }

  function flip(chunk: Uint8Array, position: number): Uint8Array {
    const { byte, times = Infinity } = rules.flip ?? { byte: -1 };
    const offset = byte - position;
    if (offset < 0 || offset >= chunk.byteLength || flips >= times) return chunk;
    flips += 1;
    const spoiled = Uint8Array.from(chunk);
    spoiled[offset] = (chunk[offset] ?? 0) ^ 1;
    return spoiled;
  }

  return {
    url: inner.url,
    limits: inner.limits,
    calls,
    get bytesRead() {
      return bytesRead;
    },
    async put(...parameters) {
      count("put");
      return inner.put(...parameters);
    },
    async create(...parameters) {
      count("create");
      return inner.create(...parameters);
    },
    async replace(...parameters) {
      count("replace");
      return inner.replace(...parameters);
    },
    async startUpload(...parameters) {
      count("startUpload");
      return inner.startUpload(...parameters);
    },
    async get(key, options) {
      count("get");
      return spoil(await inner.get(key, options), options?.range?.start ?? 0);
    },
    async head(...parameters) {
      count("head");
      return inner.head(...parameters);
    },
    async *list(...parameters) {
      count("list");
      yield* inner.list(...parameters);
    },
    async *listUploads(...parameters) {
      count("listUploads");
      yield* inner.listUploads(...parameters);
    },
    async delete(...parameters) {
      count("delete");
      return inner.delete(...parameters);
    },
    close: () => inner.close(),
  };
}

function* slices(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength; offset += size) yield bytes.subarray(offset, offset + size);
}
