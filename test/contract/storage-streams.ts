import { createHash, randomBytes } from "node:crypto";
import { expect } from "vitest";
import type { Storage } from "../../src/storage/storage.ts";
import { uploadStream } from "../../src/storage/upload.ts";
import { collect, collectAll, failureOf, type StorageTest } from "./storage.ts";

const MIB = 1024 * 1024;
/** Below the part size of any store, so that the store's own is used. */
const estimatedSize = 1;

/** `uploadStream` over the storage. */
export function streamTests(test: StorageTest): void {
  const sizes: { name: string; size: (partSize: number) => number }[] = [
    { name: "no bytes", size: () => 0 },
    { name: "one byte", size: () => 1 },
    { name: "one byte less than a part", size: (partSize) => partSize - 1 },
    { name: "exactly a part", size: (partSize) => partSize },
    { name: "exactly two parts", size: (partSize) => 2 * partSize },
    { name: "two parts and a byte", size: (partSize) => 2 * partSize + 1 },
    { name: "40 MB", size: () => 40_000_000 },
  ];
  for (const { name, size } of sizes) {
    test(`a stream of ${name} arrives whole`, async ({ storage }) => {
      const total = size(storage.limits.partSize);
      const sent = createHash("sha256");
      let progress = 0;
      const source = randomChunks(total, (chunk) => sent.update(chunk));
      const info = await uploadStream(storage, "a/stream", source, {
        estimatedSize,
        signal: new AbortController().signal,
        onProgress: (bytes) => (progress += bytes),
      });
      expect(info).toMatchObject({ key: "a/stream", size: total });
      expect(progress).toBe(total);
      const received = createHash("sha256");
      for await (const chunk of await storage.get("a/stream")) received.update(chunk);
      expect(received.digest("hex")).toBe(sent.digest("hex"));
      expect(await collectAll(storage.listUploads(""))).toEqual([]);
    });
  }

  test("after a source that throws nothing appears and no upload is left", async ({ storage }) => {
    const failure = new Error("the dump failed");
    async function* source(): AsyncIterable<Uint8Array> {
      yield* randomChunks(storage.limits.partSize + 1000);
      throw failure;
    }
    const signal = new AbortController().signal;
    await expect(uploadStream(storage, "a", source(), { estimatedSize, signal })).rejects.toBe(failure);
    await expectNothing(storage);
  });

  test("after an abort in the middle nothing appears and no upload is left", async ({ storage }) => {
    const abort = new AbortController();
    const reason = new Error("enough");
    async function* source(): AsyncIterable<Uint8Array> {
      yield* randomChunks(2 * storage.limits.partSize);
      abort.abort(reason);
      yield* randomChunks(10);
    }
    const options = { estimatedSize, signal: abort.signal };
    await expect(uploadStream(storage, "a", source(), options)).rejects.toBe(reason);
    await expectNothing(storage);
  });

  test("an upload that fails leaves the old object as it was", async ({ storage }) => {
    await storage.put("a", Buffer.from("old"));
    async function* source(): AsyncIterable<Uint8Array> {
      yield* randomChunks(10);
      throw new Error("the dump failed");
    }
    const signal = new AbortController().signal;
    await expect(uploadStream(storage, "a", source(), { estimatedSize, signal })).rejects.toThrow("dump");
    expect((await collect(await storage.get("a"))).toString()).toBe("old");
  });
}

async function expectNothing(storage: Storage): Promise<void> {
  await expect(storage.head("a")).rejects.toSatisfy(failureOf("not-found"));
  expect(await collectAll(storage.list(""))).toEqual([]);
  expect(await collectAll(storage.listUploads(""))).toEqual([]);
}

/** Random bytes in chunks of odd sizes, so that they cross the parts' ends. */
async function* randomChunks(total: number, onChunk?: (chunk: Buffer) => unknown): AsyncIterable<Buffer> {
  for (let left = total; left > 0;) {
    const chunk = randomBytes(Math.min(left, MIB - 7));
    left -= chunk.byteLength;
    onChunk?.(chunk);
    yield chunk;
  }
}
