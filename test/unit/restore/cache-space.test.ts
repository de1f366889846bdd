import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { packName } from "../../../src/repository/keys.ts";
import { makeRoomForPacks } from "../../../src/restore/cache/space.ts";
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

  describe("with packs", () => {
    const PACKS = [1, 2, 3].map((number) => packName("20261121T040000Z-k3v9qa", number));

    /** Three archives, last used at 1000, 2000 and 3000, and three packs, used at 1500, 2500 and 3500. */
    async function filledWithPacks(maxBytes: number) {
      const setting = await filledCache(100 * SIZE, [1000, 2000, 3000]);
      const folder = join(setting.cache.directory, "packs", "production");
      await mkdir(folder, { recursive: true });
      for (const [index, name] of PACKS.entries()) {
        const path = join(folder, `${name}.pack`);
        await writeFile(path, randomBytes(SIZE));
        await utimes(path, 1500 + index * 1000, 1500 + index * 1000);
      }
      const cache = { ...setting.cache, maxBytes };
      const left = async () => {
        const archives = (await archivesIn(cache)).map((name) =>
          setting.paths.findIndex((path) => path.endsWith(name)),
        );
        const packs = (await readdir(folder)).map((name) => PACKS.indexOf(name.replace(".pack", "")));
        return { archives: new Set(archives), packs: new Set(packs) };
      };
      return { ...setting, cache, left };
    }

    test("an archive takes the place of archives and packs that were not used for longest", async () => {
      const { storage, backups, cache, left } = await filledWithPacks(4.5 * SIZE);
      await fetchAndLeave(storage, manifestAt(backups, 3), cache);
      expect(await left()).toEqual({ archives: new Set([-1, 2]), packs: new Set([1, 2]) });
    });

    test("packs do, too, but not of those that are needed with them", async () => {
      const { cache, left } = await filledWithPacks(4.5 * SIZE);
      const needed = [
        { name: PACKS[0] ?? "", size: 1.2 * SIZE },
        { name: packName("20261122T040000Z-k3v9qa", 1), size: SIZE },
      ];
      await makeRoomForPacks("production", needed, { cache, reporter: silentReporter });
      expect(await left()).toEqual({ archives: new Set([2]), packs: new Set([0, 2]) });
    });

    test("nothing goes where all fits", async () => {
      const { cache, left } = await filledWithPacks(6.1 * SIZE);
      await makeRoomForPacks("production", [{ name: PACKS[1] ?? "", size: SIZE }], {
        cache,
        reporter: silentReporter,
      });
      expect(await left()).toEqual({ archives: new Set([0, 1, 2]), packs: new Set([0, 1, 2]) });
    });
  });
});
