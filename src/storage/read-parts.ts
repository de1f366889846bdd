import type { ByteRange, Storage } from "./storage.ts";

/** Bytes asked for at a time. */
const PART_SIZE = 2 * 1024 * 1024;
/** Parts on their way while the one before them is used. */
const AHEAD = 3;

export interface ReadPartsRequest {
  key: string;
  /** Bytes of the object. */
  size: number;
  signal: AbortSignal;
}

/**
 * The bytes of a large object, in order, fetched in several requests at a time. At most four parts are held.
 *
 * @throws StorageError as `Storage.get` does; after an abort: the signal's reason
 */
export async function* readParts(
  storage: Storage,
  { key, size, signal }: ReadPartsRequest,
): AsyncGenerator<Uint8Array, void, void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const coming: Promise<Uint8Array[]>[] = [];
  let next = 0;
  const fill = (): void => {
    for (; coming.length <= AHEAD && next < size; next += PART_SIZE) {
      const part = readPart(storage, key, { start: next, end: Math.min(size, next + PART_SIZE) }, either);
      // Who waits for it learns of its failure; before that nobody has to.
      part.catch(() => undefined);
      coming.push(part);
    }
  };
  try {
    fill();
    for (let part = coming.shift(); part !== undefined; part = coming.shift()) {
      const chunks = await part;
      fill();
      yield* chunks;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(coming);
  }
}

async function readPart(
  storage: Storage,
  key: string,
  range: ByteRange,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.get(key, { range, signal })) chunks.push(chunk);
  return chunks;
}
