import { readdir, readFile, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CacheConfig } from "../../../src/config/config.ts";
import {
  brokenConnection,
  cacheFixture,
  CHUNK,
  CONCURRENCY,
  fetch,
  fetchAndLeave,
  overwrite,
  PIECE,
  SIZE,
  storeBackup,
} from "../../support/cached-archives.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";

describe("an interrupted download", () => {
  test("goes on without fetching a checked piece again", async () => {
    const { inner, storage, cache } = await cacheFixture({
      beforeChunk: (bytes) => {
        if (bytes >= 6 * PIECE) throw brokenConnection;
      },
    });
    const { manifest, content } = await storeBackup(storage);
    await expect(fetch(storage, manifest, cache)).rejects.toBe(brokenConnection);
    const recorded = await recordedPieces(cache);
    expect(recorded).toBeGreaterThanOrEqual(2);

    const ranges: number[] = [];
    const again = faultyStorage({
      ...inner,
      get: (key, options) => {
        ranges.push(options?.range?.start ?? 0);
        return inner.get(key, options);
      },
    });
    await using cached = await fetch(again, manifest, cache);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(ranges).toHaveLength(10 - recorded);
    expect(again.bytesRead).toBe(cached.downloaded);
  });

  test("fetches anew a recorded piece that is bad on disk", async () => {
    const { inner, storage, cache } = await cacheFixture({
      beforeChunk: (bytes) => {
        if (bytes >= 6 * PIECE) throw brokenConnection;
      },
    });
    const { manifest, content } = await storeBackup(storage);
    await expect(fetch(storage, manifest, cache)).rejects.toBe(brokenConnection);
    const recorded = await recordedPieces(cache);
    const [partial = ""] = (await readdir(cache.directory)).filter((name) => name.endsWith(".partial"));
    await overwrite(join(cache.directory, partial), 10);
    await using cached = await fetch(inner, manifest, cache);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(cached.downloaded).toBe(SIZE - (recorded - 1) * PIECE);
  });

  test("does not believe a journal that is cut, foreign or a lie", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest, content } = await storeBackup(storage);
    const { path } = await fetchAndLeave(storage, manifest, cache);
    await rename(path, `${path}.partial`);
    await truncate(`${path}.partial`, 3 * PIECE);
    await overwrite(`${path}.partial`, PIECE);
    await writeFile(`${path}.pieces`, "0\n1\n99999\n-3\nx\n2\n7\n1e3\n2");
    await using cached = await fetch(storage, manifest, cache);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(cached.downloaded).toBe(SIZE - 2 * PIECE);
  });

  test("by a signal ends with its reason, and leaves nothing that looks whole or locked", async () => {
    const controller = new AbortController();
    const { inner, storage, cache } = await cacheFixture({
      beforeChunk: (bytes) => {
        if (bytes >= 5 * PIECE) controller.abort(new Error("enough"));
      },
    });
    const { manifest } = await storeBackup(storage);
    await expect(fetch(storage, manifest, cache, { signal: controller.signal })).rejects.toThrow("enough");
    expect((await readdir(cache.directory)).map((name) => name.replace(/^.*\.zst/, "")).sort()).toEqual([
      ".partial",
      ".pieces",
    ]);
    expect(storage.bytesRead).toBeLessThanOrEqual(5 * PIECE + CONCURRENCY * CHUNK);
    await expect(fetchAndLeave(inner, manifest, cache)).resolves.toMatchObject({
      downloaded: expect.any(Number),
    });
  });

  test("at any points, any number of times, gives the same file for no more than the pieces in flight", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ bytes: fc.integer({ min: 0, max: SIZE }), abort: fc.boolean() }), {
          minLength: 1,
          maxLength: 4,
        }),
        async (interruptions) => {
          const { inner, cache } = await cacheFixture();
          const { manifest, content } = await storeBackup(inner);
          let total = 0;
          let interrupted = 0;
          for (const { bytes, abort } of interruptions) {
            const controller = new AbortController();
            const storage = faultyStorage(inner, {
              chunkSize: CHUNK,
              beforeChunk: (read) => {
                if (read < bytes) return;
                if (!abort) throw brokenConnection;
                controller.abort(new Error("enough"));
              },
            });
            const failure = await fetchAndLeave(storage, manifest, cache, {
              signal: controller.signal,
            }).catch((error: unknown) => error);
            if (failure instanceof Error) interrupted += 1;
            total += storage.bytesRead;
          }
          const storage = faultyStorage(inner);
          await using cached = await fetch(storage, manifest, cache);
          total += storage.bytesRead;
          expect((await readFile(cached.path)).equals(content)).toBe(true);
          expect(total).toBeLessThanOrEqual(SIZE + interrupted * CONCURRENCY * PIECE);
        },
      ),
      { numRuns: 40 },
    );
  });
});

async function recordedPieces({ directory }: CacheConfig): Promise<number> {
  const [journal = ""] = (await readdir(directory)).filter((name) => name.endsWith(".pieces"));
  return (await readFile(join(directory, journal), "utf8")).trimEnd().split("\n").length;
}
