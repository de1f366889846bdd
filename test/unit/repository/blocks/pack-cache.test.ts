import { mkdir, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentReporter, type Reporter } from "../../../../src/observe/reporter.ts";
import type { CachedPack } from "../../../../src/repository/blocks/cached-packs.ts";
import { chooseToRemove, openPackCache } from "../../../../src/repository/blocks/pack-cache.ts";
import { packName } from "../../../../src/repository/keys.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const ID = "20261121T040000Z-k3v9qa";
const PACK = packName(ID, 1);
const KIB = 1024;
const NO_BOUND = 1024 ** 4;

interface Told {
  reporter: Reporter;
  messages: string[];
}

function listening(): Told {
  const messages: string[] = [];
  const add = (level: string) => (message: string) => void messages.push(`${level}: ${message}`);
  return { messages, reporter: { ...silentReporter, info: add("info"), warn: add("warn") } };
}

async function opened({
  maxBytes = NO_BOUND,
  directory,
  needed = [] as { name: string; size: number }[],
  database = "production",
}: {
  maxBytes?: number;
  directory?: string;
  needed?: { name: string; size: number }[];
  database?: string;
} = {}) {
  const { reporter, messages } = listening();
  const folder = directory ?? join(await temporaryFolder("pack-cache"), "cache");
  const cache = await openPackCache({
    cache: { directory: folder, maxBytes },
    database,
    needed,
    reporter,
  });
  return { cache, messages, folder, packs: join(folder, "packs", database) };
}

test("what was written is read, at its place, by the next one, too", async () => {
  const { cache, folder, packs } = await opened();
  await cache.write(PACK, 5000, Buffer.from("later"));
  await cache.write(PACK, 10, Buffer.from("early"));
  const { cache: next } = await opened({ directory: folder });
  for (const each of [cache, next]) {
    expect((await each.read(PACK, 10, 15))?.toString()).toBe("early");
    expect((await each.read(PACK, 4998, 5005))?.toString()).toBe("\0\0later");
    expect(await each.read(PACK, 5000, 5006), "behind its end").toBeUndefined();
    expect(await each.read(packName(ID, 2), 0, 1), "of another pack").toBeUndefined();
  }
  expect((await stat(packs)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "packs"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(packs, `${PACK}.pack`))).mode & 0o777).toBe(0o600);
});

test("a pack that another process removed is not there, and can be written again", async () => {
  const { cache, packs } = await opened();
  await cache.write(PACK, 0, Buffer.from("once"));
  await rm(join(packs, `${PACK}.pack`));
  expect(await cache.read(PACK, 0, 4)).toBeUndefined();
  await cache.write(PACK, 0, Buffer.from("anew"));
  expect((await cache.read(PACK, 0, 4))?.toString()).toBe("anew");
});

test.for(["../../outside", "/etc/passwd", "a", `${PACK}/../x`, `${PACK}\0`, ""])(
  "the name %j leads nowhere",
  async (name) => {
    const { cache, packs } = await opened();
    await expect(cache.read(name, 0, 1)).rejects.toThrow("was not checked");
    await expect(cache.write(name, 0, Buffer.from("x"))).rejects.toThrow("was not checked");
    await expect(opened({ database: `${name}/` })).rejects.toThrow("was not checked");
    await expect(opened({ needed: [{ name, size: 1 }] })).rejects.toThrow("was not checked");
    expect(await readdir(packs)).toEqual([]);
  },
);

test("a link in the place of a pack is not followed", async () => {
  const { cache, packs, messages } = await opened();
  const outside = join(packs, "..", "outside");
  await writeFile(outside, "theirs");
  await symlink(outside, join(packs, `${PACK}.pack`));
  expect(await cache.read(PACK, 0, 4)).toBeUndefined();
  await cache.write(PACK, 0, Buffer.from("ours"));
  expect(messages).toEqual([expect.stringMatching(/^warn: no more packs are cached: ELOOP/)]);
});

test("a folder that cannot be made is told once, and there is no cache", async () => {
  const directory = join(await temporaryFolder("pack-cache"), "file");
  await writeFile(directory, "in the way");
  const { cache, messages } = await opened({ directory });
  await cache.write(PACK, 0, Buffer.from("x"));
  expect(await cache.read(PACK, 0, 1)).toBeUndefined();
  expect(messages).toEqual([expect.stringMatching(/^warn: packs are not kept in /)]);
});

test("a disk that refuses turns it off with one warning, and what is there is read", async () => {
  const { cache, packs, messages } = await opened();
  await cache.write(PACK, 0, Buffer.from("there"));
  await mkdir(join(packs, `${packName(ID, 2)}.pack`));
  await cache.write(packName(ID, 2), 0, Buffer.from("x"));
  await cache.write(packName(ID, 3), 0, Buffer.from("x"));
  expect(messages).toEqual([expect.stringMatching(/^warn: no more packs are cached: /)]);
  expect((await cache.read(PACK, 0, 5))?.toString()).toBe("there");
  expect(await readdir(packs)).not.toContain(`${packName(ID, 3)}.pack`);
});

describe("the bound", () => {
  async function sizeOf(packs: string): Promise<number> {
    const sizes = await Promise.all(
      (await readdir(packs)).map(async (name) => (await stat(join(packs, name))).blocks * 512),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  test("is kept, whoever writes, and told once", async () => {
    const first = await opened({ maxBytes: 1000 * KIB });
    const second = await opened({ directory: first.folder, maxBytes: 1000 * KIB });
    await writeFile(
      join(first.folder, `production-${ID}-0123456789abcdef.dump.zst`),
      Buffer.alloc(300 * KIB, 1),
    );
    // At once, and at places far apart in the file: holes do not count.
    await Promise.all(
      Array.from({ length: 40 }, (_, place) =>
        first.cache.write(PACK, place * 1000 * KIB, Buffer.alloc(20 * KIB, 1)),
      ),
    );
    const size = await sizeOf(first.packs);
    expect(size).toBeLessThanOrEqual(700 * KIB);
    expect(size).toBeGreaterThan(600 * KIB);
    expect(first.messages).toEqual([expect.stringMatching(/^info: no more packs are cached: /)]);
    await second.cache.write(PACK, 50_000 * KIB, Buffer.alloc(100 * KIB, 1));
    expect(await sizeOf(first.packs)).toBe(size);
  });

  test("is of what files take on disk: holes do not count", async () => {
    const { cache, folder } = await opened();
    await cache.write(PACK, 50_000 * KIB, Buffer.alloc(20 * KIB, 1));
    const { cache: next } = await opened({ directory: folder, maxBytes: 100 * KIB });
    await next.write(PACK, 100, Buffer.alloc(20 * KIB, 1));
    expect((await next.read(PACK, 100, 101))?.[0]).toBe(1);
    expect((await next.read(PACK, 50_000 * KIB, 50_000 * KIB + 1))?.[0]).toBe(1);
  });

  test("makes room for what is needed, the least recently used first", async () => {
    const { cache, folder, packs } = await opened();
    for (const [number, used] of [
      [1, 3000],
      [2, 1000],
      [3, 2000],
      [4, 500],
    ] as const) {
      await cache.write(packName(ID, number), 0, Buffer.alloc(100 * KIB, 1));
      await utimes(join(packs, `${packName(ID, number)}.pack`), used, used);
    }
    await writeFile(join(packs, "notes.txt"), "not the cache's own");
    await opened({
      directory: folder,
      maxBytes: 450 * KIB,
      needed: [
        { name: packName(ID, 4), size: 150 * KIB },
        { name: packName(ID, 5), size: 100 * KIB },
      ],
    });
    // What was needed counts as used now: it outlives the others.
    await opened({ directory: folder, maxBytes: 150 * KIB });
    expect(await readdir(packs)).toEqual([`${packName(ID, 4)}.pack`, "notes.txt"].sort());
  });

  function pack(path: string, size: number, lastUsed: number): CachedPack {
    return { path, size, lastUsed };
  }

  const OLD = pack("old", 10, 1);
  const MIDDLE = pack("middle", 10, 2);
  const NEW = pack("new", 10, 3);

  test.for<[string, Parameters<typeof chooseToRemove>[1], string[]]>([
    ["nothing while all fits", { total: 30, bound: 30, needed: new Map() }, []],
    ["the oldest for a bound that came down", { total: 30, bound: 29, needed: new Map() }, ["old"]],
    ["archives count", { total: 45, bound: 30, needed: new Map() }, ["old", "middle"]],
    ["the oldest for one that is needed", { total: 30, bound: 40, needed: new Map([["next", 11]]) }, ["old"]],
    ["what is needed stays", { total: 30, bound: 29, needed: new Map([["old", 10]]) }, ["middle"]],
    [
      "the rest of what is needed counts",
      { total: 30, bound: 30, needed: new Map([["old", 15]]) },
      ["middle"],
    ],
    [
      "what is needed does not go for what is needed",
      { total: 30, bound: 15, needed: new Map([["old", 100]]) },
      ["middle", "new"],
    ],
    [
      "what is needed goes for the bound alone",
      { total: 30, bound: 9, needed: new Map([["old", 10]]) },
      ["middle", "new", "old"],
    ],
    ["all where the disk is full", { total: 30, bound: -5, needed: new Map() }, ["old", "middle", "new"]],
  ])("%s", ([, limits, expected]) => {
    expect(chooseToRemove([NEW, OLD, MIDDLE], limits).map(({ path }) => path)).toEqual(expected);
  });
});
