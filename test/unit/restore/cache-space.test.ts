import { randomBytes } from "node:crypto";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { tryLockFile } from "../../../src/restore/cache/file-lock.ts";
import {
  archivesIn,
  brokenConnection,
  cacheFixture,
  CHUNK,
  fetch,
  fetchAndLeave,
  PIECE,
  SIZE,
  storeBackup,
  type Backup,
} from "../../support/cached-archives.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";

describe("the bound", () => {
  const DAYS = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"].map((day) => `${day}T04:00:00.000Z`);

  /** Four backups in a storage, the first three in the cache, last used at the times given (seconds). */
  async function filledCache(maxBytes: number, lastUsed: readonly [number, number, number]) {
    const setting = await cacheFixture({}, 100 * SIZE);
    const backups: Backup[] = [];
    for (const day of DAYS) backups.push(await storeBackup(setting.storage, day));
    const paths: string[] = [];
    for (const [index, time] of lastUsed.entries()) {
      const { path } = await fetchAndLeave(setting.storage, manifestAt(backups, index), setting.cache);
      await utimes(path, time, time);
      paths.push(path);
    }
    return { ...setting, cache: { ...setting.cache, maxBytes }, backups, paths };
  }

  function manifestAt(backups: readonly Backup[], index: number): Manifest {
    const backup = backups[index];
    if (backup === undefined) throw new Error(`no backup ${index}`);
    return backup.manifest;
  }

  test("is kept by removing the least recently used", async () => {
    const { storage, cache, backups, paths } = await filledCache(3 * SIZE, [3000, 1000, 2000]);
    await writeFile(join(cache.directory, "notes.txt"), "not the cache's own");
    const { path } = await fetchAndLeave(storage, manifestAt(backups, 3), cache);
    const kept = [paths[0], paths[2], path].map((each) => basename(each ?? ""));
    expect(await archivesIn(cache)).toEqual(kept.sort());
    expect(await readdir(cache.directory)).toContain("notes.txt");
  });

  test("removes nothing while there is room", async () => {
    const { storage, cache, backups } = await filledCache(4 * SIZE, [3000, 1000, 2000]);
    await fetchAndLeave(storage, manifestAt(backups, 3), cache);
    expect(await archivesIn(cache)).toHaveLength(4);
  });

  test("never removes one that is in use", async () => {
    const { storage, cache, backups, paths } = await filledCache(3 * SIZE, [3000, 1000, 2000]);
    await using used = await fetch(storage, manifestAt(backups, 1), cache);
    await utimes(used.path, 1000, 1000);
    const { path } = await fetchAndLeave(storage, manifestAt(backups, 3), cache);
    const kept = [paths[0], used.path, path].map((each) => basename(each ?? ""));
    expect(await archivesIn(cache)).toEqual(kept.sort());
  });

  test("never removes one that is being fetched or checked", async () => {
    const { storage, cache, backups, paths } = await filledCache(3 * SIZE, [3000, 1000, 2000]);
    const busy = paths[1] ?? "";
    await using _lock = await tryLockFile(`${busy}.lock`);
    const { path } = await fetchAndLeave(storage, manifestAt(backups, 3), cache);
    const kept = [paths[0], busy, path].map((each) => basename(each ?? ""));
    expect(await archivesIn(cache)).toEqual(kept.sort());
  });

  test("does not count what an earlier download of the same archive left", async () => {
    const { inner, storage, cache, backups } = await filledCache(4 * SIZE, [3000, 1000, 2000]);
    const interrupted = faultyStorage(inner, {
      chunkSize: CHUNK,
      beforeChunk: (bytes) => {
        if (bytes >= 6 * PIECE) throw brokenConnection;
      },
    });
    await expect(fetch(interrupted, manifestAt(backups, 3), cache)).rejects.toBe(brokenConnection);
    await fetchAndLeave(storage, manifestAt(backups, 3), cache);
    expect(await archivesIn(cache)).toHaveLength(4);
  });

  test("counts what an interrupted download left, and removes it", async () => {
    const { storage, cache, backups, paths } = await filledCache(3 * SIZE, [3000, 1000, 2000]);
    const left = (paths[1] ?? "").replace("k3v9qa", "aaaaaa");
    await writeFile(`${left}.partial`, randomBytes(PIECE));
    await writeFile(`${left}.pieces`, "0\n");
    await utimes(`${left}.partial`, 500, 500);
    await fetchAndLeave(storage, manifestAt(backups, 3), cache);
    expect((await readdir(cache.directory)).filter((name) => name.includes("aaaaaa"))).toEqual([]);
  });

  test("does not keep an archive away that is larger: it goes when it is no longer used", async () => {
    const { storage, cache } = await cacheFixture({}, SIZE - 1);
    const { manifest, content } = await storeBackup(storage);
    {
      await using cached = await fetch(storage, manifest, cache);
      await using other = await fetch(storage, manifest, cache);
      await cached[Symbol.asyncDispose]();
      expect((await readFile(other.path)).equals(content)).toBe(true);
    }
    expect(await readdir(cache.directory)).toEqual([]);
  });
});
