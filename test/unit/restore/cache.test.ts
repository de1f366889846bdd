import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { silentReporter, type Reporter } from "../../../src/observe/reporter.ts";
import type { CachedArchive } from "../../../src/restore/cache/cache.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import {
  archivesIn,
  brokenConnection,
  cacheFixture,
  CHUNK,
  CONCURRENCY,
  counting,
  fetch,
  fetchAndLeave,
  overwrite,
  PIECE,
  SIZE,
  storeBackup,
  type Backup,
} from "../../support/cached-archives.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";

/** Bytes that a byte of zstd can come to: 128 KiB for a block of 4. */
const MAX_RATIO = 32_768;

describe("a fetch", () => {
  test("downloads the archive whole, and tells the bytes", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest, content } = await storeBackup(storage);
    let told = 0;
    await using cached = await fetch(storage, manifest, cache, {
      reporter: counting((bytes) => (told += bytes)),
    });
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(cached.downloaded).toBe(SIZE);
    expect(told).toBe(SIZE);
    expect(basename(cached.path)).toBe(
      `production-20261121T040000Z-k3v9qa-${manifest.archive.sha256.slice(0, 16)}.dump.zst`,
    );
  });

  test.for([0, 1, PIECE, PIECE + 1, 2 * PIECE])(
    "of an archive of %d bytes gives just these",
    async (size) => {
      const { storage, cache } = await cacheFixture();
      const { manifest, content } = await storeBackup(storage, undefined, size, size);
      await using cached = await fetch(storage, manifest, cache);
      expect((await readFile(cached.path)).equals(content)).toBe(true);
      expect(cached.downloaded).toBe(size);
    },
  );

  test("leaves one file of mode 0600 in folders of mode 0700, whatever the umask", async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const { storage, cache } = await cacheFixture();
    const { manifest } = await storeBackup(storage);
    const modes: [string, number][] = [];
    const listModes = async (): Promise<void> => {
      for (const name of await readdir(cache.directory)) {
        modes.push([name, (await stat(join(cache.directory, name))).mode & 0o777]);
      }
    };
    const observed = faultyStorage(storage, { beforeChunk: () => listModes().catch(() => undefined) });
    const { path } = await fetchAndLeave(observed, manifest, cache);
    await listModes();
    expect(new Set(modes.map(([name]) => name.replace(basename(path), "")))).toEqual(
      new Set(["", ".lock", ".partial", ".pieces"]),
    );
    expect(modes.filter(([, mode]) => mode !== 0o600)).toEqual([]);
    expect((await stat(cache.directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(cache.directory, ".."))).mode & 0o777).toBe(0o700);
    expect(await readdir(cache.directory)).toEqual([basename(path)]);
  });

  test("reads only so many pieces at the same time", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest } = await storeBackup(storage);
    let open = 0;
    let most = 0;
    const counting: Storage = {
      ...storage,
      async get(key, options) {
        const body = await storage.get(key, options);
        return (async function* () {
          open += 1;
          most = Math.max(most, open);
          try {
            yield* body;
          } finally {
            open -= 1;
          }
        })();
      },
    };
    await fetchAndLeave(counting, manifest, cache);
    expect(most).toBe(CONCURRENCY);
  });

  test("is refused, before the first byte, where the disk has no room for the archive decompressed", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest } = await storeBackup(storage);
    const size = 2 ** 40;
    const archive = { ...manifest.archive, size, rawSize: size * 1000, pieceSize: size, pieces: ["0"] };
    // So large an object is only said to be there.
    const vast: Storage = {
      ...storage,
      head: async (...parameters) => ({ ...(await storage.head(...parameters)), size }),
    };
    await expect(fetch(vast, { ...manifest, archive }, cache)).rejects.toMatchObject({
      exit: "refused",
      message: expect.stringMatching(/1.1 TB to download and 1.1 PB to decompress, .* free/),
    });
    expect(storage.calls.get).toBe(0);
  });

  test("is of something corrupt where the archive can never hold what its manifest says", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest, key } = await storeBackup(storage, undefined, SIZE, SIZE * MAX_RATIO + 1);
    await expect(fetch(storage, manifest, cache)).rejects.toMatchObject({
      exit: "corrupt",
      message: expect.stringContaining(key),
    });
    expect(storage.calls.get).toBe(0);
  });
});

describe("a second fetch", () => {
  test("downloads nothing, and marks the archive as used", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest, content } = await storeBackup(storage);
    const { path } = await fetchAndLeave(storage, manifest, cache);
    await utimes(path, 1_000, 1_000);
    const calls = { ...storage.calls };
    await using cached = await fetch(storage, manifest, cache);
    expect(cached.downloaded).toBe(0);
    expect(storage.calls).toEqual(calls);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect((await stat(path)).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
  });

  test.for([
    ["a flipped bit", async (path: string) => overwrite(path, 5 * PIECE + 7)],
    ["a lost end", async (path: string) => truncate(path, 9 * PIECE)],
    ["bytes after its end", async (path: string) => writeFile(path, randomBytes(PIECE), { flag: "a" })],
  ] as const)("of an archive with %s downloads at most the damaged piece", async ([, damage]) => {
    const { storage, cache } = await cacheFixture();
    const { manifest, content } = await storeBackup(storage);
    const { path } = await fetchAndLeave(storage, manifest, cache);
    await damage(path);
    await using cached = await fetch(storage, manifest, cache);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(cached.downloaded).toBeLessThanOrEqual(PIECE);
  });
});

describe("a corrupt object", () => {
  /** What the failure says. */
  function corrupt({ key }: Backup, message: RegExp) {
    return {
      exit: "corrupt",
      message: expect.stringMatching(new RegExp(`^${key} in file:///\\S+ ${message.source}$`)),
    };
  }

  test("with one flipped bit is named, after a second look at the piece", async () => {
    const setting = await cacheFixture({ flip: { byte: 3 * PIECE + 12_345 } });
    const backup = await storeBackup(setting.storage);
    await expect(fetch(setting.storage, backup.manifest, setting.cache)).rejects.toMatchObject(
      corrupt(backup, /is corrupt between bytes 196608 and 262144/),
    );
    expect(await archivesIn(setting.cache)).toEqual([]);
    expect(setting.storage.bytesRead).toBeLessThanOrEqual(SIZE + PIECE);
    // What is left may be gone on with: it does not hold the bad piece.
    await using cached = await fetch(setting.inner, backup.manifest, setting.cache);
    expect((await readFile(cached.path)).equals(backup.content)).toBe(true);
  });

  test("whose last piece alone is bad is found", async () => {
    const setting = await cacheFixture({ flip: { byte: SIZE - 1 } });
    const backup = await storeBackup(setting.storage);
    await expect(fetch(setting.storage, backup.manifest, setting.cache)).rejects.toMatchObject(
      corrupt(backup, /is corrupt between bytes 589824 and 590824/),
    );
    expect(await archivesIn(setting.cache)).toEqual([]);
  });

  test("whose bodies end early is named", async () => {
    const setting = await cacheFixture({ cutAt: 4 * PIECE - 1 });
    const backup = await storeBackup(setting.storage);
    await expect(fetch(setting.storage, backup.manifest, setting.cache)).rejects.toMatchObject(
      corrupt(backup, /is corrupt between bytes \d+ and \d+/),
    );
    expect(await archivesIn(setting.cache)).toEqual([]);
  });

  test("that is shorter than its manifest says is found before the first byte", async () => {
    const setting = await cacheFixture();
    const backup = await storeBackup(setting.storage);
    await setting.storage.put(backup.key, backup.content.subarray(0, -1));
    await expect(fetch(setting.storage, backup.manifest, setting.cache)).rejects.toMatchObject(
      corrupt(backup, /is 590823 bytes long; its manifest says 590824/),
    );
    expect(await archivesIn(setting.cache)).toEqual([]);
    expect(setting.storage.calls.get).toBe(0);
  });

  test("that is gone is found before the first byte", async () => {
    const setting = await cacheFixture();
    const backup = await storeBackup(setting.storage);
    await setting.storage.delete(backup.key);
    await expect(fetch(setting.storage, backup.manifest, setting.cache)).rejects.toMatchObject(
      corrupt(backup, /is missing/),
    );
    expect(await archivesIn(setting.cache)).toEqual([]);
  });

  test("that was changed on the way only is fetched again, and its progress taken back", async () => {
    const { storage, cache } = await cacheFixture({ flip: { byte: 2 * PIECE, times: 1 } });
    const { manifest, content } = await storeBackup(storage);
    let told = 0;
    await using cached = await fetch(storage, manifest, cache, {
      reporter: counting((bytes) => (told += bytes)),
    });
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(cached.downloaded).toBe(SIZE + PIECE);
    expect(told).toBe(SIZE);
  });

  test("that sends more than was asked for is read no further", async () => {
    const setting = await cacheFixture();
    const backup = await storeBackup(setting.storage);
    const { inner, cache } = setting;
    const generous = faultyStorage(
      {
        ...inner,
        get: (key, options) =>
          inner.get(key, { ...options, range: { start: options?.range?.start ?? 0, end: SIZE } }),
      },
      { chunkSize: CHUNK },
    );
    await expect(fetch(generous, backup.manifest, cache)).rejects.toMatchObject({ exit: "corrupt" });
    expect(await archivesIn(cache)).toEqual([]);
    expect(generous.bytesRead).toBeLessThanOrEqual(2 * CONCURRENCY * (PIECE + CHUNK));
  });
});

describe("two fetches of the same backup at once", () => {
  test("download it once: the other waits, and says so", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest, content } = await storeBackup(storage);
    const said: string[] = [];
    const reporter: Reporter = { ...silentReporter, info: (message) => said.push(message) };
    const all = await Promise.all([1, 2, 3].map(() => fetch(storage, manifest, cache, { reporter })));
    expect(all.map(({ downloaded }) => downloaded).sort((one, other) => one - other)).toEqual([0, 0, SIZE]);
    expect(storage.bytesRead).toBe(SIZE);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(
      new RegExp(`^waiting for process ${process.pid}, which is fetching the same backup`),
    );
    for (const { path } of all) expect((await readFile(path)).equals(content)).toBe(true);
    await Promise.all(all.map((cached) => cached[Symbol.asyncDispose]()));
    expect(await readdir(cache.directory)).toEqual([basename(all[0]?.path ?? "")]);
  });

  test("the other takes over when the first fails, and goes on where it stopped", async () => {
    const { inner, cache } = await cacheFixture();
    const { manifest, content } = await storeBackup(inner);
    let second: Promise<CachedArchive> | undefined;
    const secondWaits = Promise.withResolvers<void>();
    const reporter: Reporter = { ...silentReporter, info: () => secondWaits.resolve() };
    const first = faultyStorage(inner, {
      chunkSize: CHUNK,
      beforeChunk: async (bytes) => {
        if (bytes < 6 * PIECE) return;
        second ??= fetch(inner, manifest, cache, { reporter });
        await secondWaits.promise;
        throw brokenConnection;
      },
    });
    await expect(fetch(first, manifest, cache)).rejects.toBe(brokenConnection);
    await using cached = await second;
    expect(cached?.downloaded).toBeLessThan(SIZE - PIECE);
    expect((await readFile(cached?.path ?? "")).equals(content)).toBe(true);
  });

  test("the wait ends with the signal", async () => {
    const { storage, cache } = await cacheFixture();
    const { manifest } = await storeBackup(storage);
    const controller = new AbortController();
    let waiting: Promise<unknown> = Promise.resolve();
    const reporter: Reporter = { ...silentReporter, info: () => controller.abort(new Error("enough")) };
    const slow = faultyStorage(storage, {
      beforeChunk: (bytes) => {
        if (bytes > 0) return undefined;
        waiting = fetch(storage, manifest, cache, { signal: controller.signal, reporter }).catch(
          (error: unknown) => error,
        );
        return waiting;
      },
    });
    await fetchAndLeave(slow, manifest, cache);
    expect(await waiting).toEqual(new Error("enough"));
  });
});
