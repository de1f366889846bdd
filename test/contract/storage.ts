import { randomUUID } from "node:crypto";
import { describe, test as base } from "vitest";
import type { StorageErrorKind, Storage } from "../../src/storage/storage.ts";
import { isStorageError } from "../../src/storage/storage-error.ts";
import { ServerUnavailable } from "../support/server-unavailable.ts";
import { conditionalWriteTests, noConditionalWriteTests } from "./storage-conditions.ts";
import { keyTests } from "./storage-keys.ts";
import { listingTests } from "./storage-listing.ts";
import { objectTests } from "./storage-objects.ts";
import { streamTests } from "./storage-streams.ts";
import { unfinishedUploadTests, uploadTests } from "./storage-uploads.ts";

export interface StorageTraits {
  /** Whether `create` and `replace` keep their promise; without, the probe must find it out. */
  conditionalWrites: boolean;
  /** Whether unfinished uploads are listed; without, they seem never to be there. */
  listsUploads: boolean;
}

/** Opens a storage without any objects; called for each test. */
export type OpenStorage = (uniquePrefix: string) => Promise<Storage>;

/** Holds a storage to every sentence of the contract in `src/storage/storage.ts`. */
export function describeStorage(name: string, open: OpenStorage, traits: StorageTraits): void {
  const test = storageTest(open);
  const conditionTests = traits.conditionalWrites ? conditionalWriteTests : noConditionalWriteTests;
  const unfinishedTests = traits.listsUploads ? unfinishedUploadTests : undefined;
  const groups: (readonly [string, ((test: StorageTest) => void) | undefined])[] = [
    ["objects", objectTests],
    ["keys", keyTests],
    ["conditional writes", conditionTests],
    ["listing", listingTests],
    ["uploads", uploadTests],
    ["unfinished uploads", unfinishedTests],
    ["streams", streamTests],
  ];
  for (const [group, addTests] of groups) {
    if (addTests === undefined) continue;
    describe(`${name}: ${group}`, () => {
      addTests(test);
    });
  }
}

/** Vitest's `test` with a fresh storage in its arguments. */
export type StorageTest = ReturnType<typeof storageTest>;

// eslint-disable-next-line typescript/explicit-function-return-type -- only Vitest can name the type
function storageTest(open: OpenStorage) {
  return base.extend<{ storage: Storage }>({
    storage: async ({ skip }, use) => {
      const storage = await openOrSkip(open, { skip });
      await use(storage);
      await storage.close();
    },
  });
}

/** For `toSatisfy`: a storage failure of that kind. */
export function failureOf(kind: StorageErrorKind): (error: unknown) => boolean {
  return (error) => isStorageError(error, kind);
}

/** Bytes; small, and more than any body in the tests that is not made to its measure. */
export function partSizeOf({ limits }: Storage): number {
  return Math.max(limits.minPartSize, 64 * 1024);
}

/** All bytes of a reading. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** All items of a listing. */
export async function collectAll<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A missing server skips the test, loudly; in CI it fails it. */
async function openOrSkip(open: OpenStorage, context: { skip(note?: string): never }): Promise<Storage> {
  try {
    return await open(randomUUID());
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return context.skip(error.message);
  }
}
