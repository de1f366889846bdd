import { createHash } from "node:crypto";
import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { describe, expect } from "vitest";
import { archiveKey, manifestKey } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import {
  expectUntouched,
  laptopConfig,
  laptopEnvironment,
  PRODUCTION,
  test,
} from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const FETCH = ["fetch-latest-db", "--yes", "--force"];

/** What only a terminal's control codes hold. */
// eslint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\0-\x09\x0b-\x1f\x7f-\x9f]/;

describe("an archive in the storage", () => {
  test.for<{ what: string; spoil: (path: string, size: number) => Promise<void> }>([
    { what: "that is cut", spoil: (path, size) => truncate(path, size >> 1) },
    { what: "that is cut by one byte", spoil: (path, size) => truncate(path, size - 1) },
    { what: "that is empty", spoil: (path) => truncate(path, 0) },
    { what: "that is gone", spoil: (path) => rm(path) },
    { what: "with more at its end", spoil: (path) => writeFile(path, "more", { flag: "a" }) },
    { what: "with one bit flipped at its beginning", spoil: (path) => flipBit(path, 9) },
    { what: "with one bit flipped in its middle", spoil: (path, size) => flipBit(path, size >> 1) },
    { what: "with one bit flipped at its end", spoil: (path, size) => flipBit(path, size - 1) },
  ])("$what is named, and nothing is touched", async ({ spoil }, { shop, local, dataops }) => {
    await local.create();
    const { folder, cache, manifest } = await copyOf(shop);
    const key = archiveKey(manifest.database, manifest.id);
    await spoil(join(folder, key), manifest.archive.size);
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const ended = await dataops.run(FETCH, { environment });
    expect(ended, ended.stderr).toMatchObject({ code: 14, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toContain(key);
    await expectUntouched(local);
    expect((await readdir(cache)).filter((name) => name.endsWith(".dump.zst"))).toEqual([]);
  });

  test("in the cache that went bad is mended", async ({ shop, local, dataops }) => {
    await local.create();
    const { folder, cache, manifest } = await copyOf(shop);
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const config = laptopConfig({ template: false });
    expect(await dataops.run(FETCH, { environment, config })).toMatchObject({ code: 0 });
    const [cached = ""] = await readdir(cache);
    await flipBit(join(cache, cached), manifest.archive.size >> 1);
    const again = await dataops.run([...FETCH, "--json"], { environment, config });
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(again.json()).toMatchObject({ downloaded: manifest.archive.size });
    expect(again.stderr).toMatch(/"level":"warn".*damaged/);
    expect(await local.content()).toBe(PRODUCTION);
  });

  test.for<{
    what: string;
    content: (archive: Buffer) => { stored: Buffer; rawSize?: number };
    says?: RegExp;
  }>([
    {
      what: "nothing that is zstd",
      content: () => ({ stored: Buffer.from("no archive at all".repeat(100)) }),
    },
    {
      what: "a part of it",
      content: (archive) => ({ stored: archive.subarray(0, archive.byteLength >> 1) }),
    },
    {
      what: "zstd, and no archive in it",
      content: () => ({ stored: zstdCompressSync(Buffer.alloc(5000, "x")), rawSize: 5000 }),
    },
    {
      what: "far more than it says",
      content: (archive) => ({ stored: Buffer.concat([archive, zstdBomb()]) }),
      says: /decompresses to more bytes than/,
    },
    { what: "far less than it says", content: (archive) => ({ stored: archive, rawSize: 50_000_000 }) },
  ])(
    "that agrees with its manifest, and holds $what, is refused",
    async ({ content, says = /is corrupt|cannot be read/ }, { shop, local, dataops }) => {
      await local.create();
      const { folder, cache, manifest } = await copyOf(shop);
      const key = archiveKey(manifest.database, manifest.id);
      const { stored, rawSize = manifest.archive.rawSize } = content(await readFile(join(folder, key)));
      await writeFile(join(folder, key), stored);
      const sha256 = digest(stored);
      await rewriteManifest(folder, manifest, (body) => {
        archive({ rawSize, size: stored.byteLength, sha256, pieces: [sha256] })(body);
      });
      const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
      const ended = await dataops.run(FETCH, { environment });
      expect(ended, ended.stderr).toMatchObject({ code: 14, stdout: "" });
      expectOneLine(ended);
      expect(ended.stderr).toMatch(says);
      expect(ended.stderr, "it is refused for its content").not.toContain("digest does not match");
      await expectUntouched(local);
      expect((await readdir(cache)).filter((name) => name.startsWith("unpacked-"))).toEqual([]);
    },
  );
});

describe("a manifest", () => {
  test.for<{ what: string; spoil: (path: string, size: number) => Promise<void> }>([
    { what: "that is cut", spoil: (path, size) => truncate(path, size >> 1) },
    { what: "that is empty", spoil: (path) => truncate(path, 0) },
    { what: "with one bit flipped", spoil: flipDigit },
    {
      what: "of 65 MiB, most of it white space",
      spoil: (path) => writeFile(path, " ".repeat(65 * 1024 * 1024), { flag: "a" }),
    },
    { what: "nested without end", spoil: (path) => writeFile(path, "[".repeat(5_000_000)) },
    { what: "that is another backup's", spoil: (path) => replaceText(path, /"id": "\d{4}/, `"id": "1999`) },
    { what: "that is a list", spoil: (path) => writeFile(path, "[]") },
  ])("$what is named, and nothing is touched", async ({ spoil }, { shop, local, dataops }) => {
    await local.create();
    const { folder, cache, manifest } = await copyOf(shop);
    const key = manifestKey(manifest.database, manifest.id);
    await spoil(join(folder, key), (await readFile(join(folder, key))).byteLength);
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    for (const args of [FETCH, ["restore", manifest.id, "--to", "local", "--yes", "--force"]]) {
      const ended = await dataops.run(args, { environment });
      expect(ended, ended.stderr).toMatchObject({ code: 14, stdout: "" });
      expectOneLine(ended);
      expect(ended.stderr).toContain(key);
    }
    await expectUntouched(local);
    await expect(readdir(cache)).rejects.toThrow("ENOENT");
  });

  test("with another layout and a digest that is right is as good as any", async ({
    shop,
    local,
    dataops,
  }) => {
    const { folder, cache, manifest } = await copyOf(shop);
    await rewriteManifest(folder, manifest, (body) => (body["environment"] = "prod"));
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    expect(await dataops.run(FETCH, { environment })).toMatchObject({ code: 0 });
  });

  /** Each with a digest that is right: whoever can write to the bucket can make one. */
  test.for<{ what: string; change: (body: Body, manifest: Manifest) => unknown }>([
    { what: "a path as its database", change: (body) => (body["database"] = "../../outside") },
    { what: "a path as its id", change: (body) => (body["id"] = "../../../outside") },
    { what: "an absolute path as its id", change: (body) => (body["id"] = "/tmp/outside") },
    { what: "another object as its archive", change: archive({ object: "../../../outside" }) },
    { what: "an absolute path as its archive", change: archive({ object: "/etc/passwd" }) },
    { what: "a path as its archive's digest", change: archive({ sha256: `../${"0".repeat(61)}` }) },
    { what: "an archive of absurd size", change: archive({ size: 2 ** 53 - 1 }) },
    { what: "an absurd size in one absurd piece", change: archive({ size: 2 ** 52, pieceSize: 2 ** 52 }) },
    { what: "a size beyond all numbers", change: archive({ size: 1e300 }) },
    { what: "a negative size", change: archive({ size: -1 }) },
    { what: "pieces of no bytes", change: archive({ pieceSize: 0 }) },
    { what: "no pieces", change: archive({ pieces: [] }) },
    { what: "absurdly much to unpack", change: archive({ rawSize: 2 ** 53 - 1 }) },
    { what: "a format version of the future", change: (body) => (body["format"] = 99) },
    { what: "a format version that is text", change: (body) => (body["format"] = "1") },
    { what: "blocks, which this version does not know", change: (body) => (body["blocks"] = {}) },
    { what: "a key that nobody knows", change: (body) => (body["__proto__ "] = { object: "x" }) },
    {
      what: "control characters in its environment and its id",
      change: (body) => {
        body["environment"] = "\u001B[2J\u001B]0;owned\u0007";
        body["id"] = "\u001B[2J\r\n0";
      },
    },
    {
      what: "a table whose name holds control characters",
      change: (body, { tables }) => {
        body["tables"] = [...tables, { schema: "public", name: "\u001B[2J\u0007\r\u009B31m", rows: 1 }];
      },
    },
    {
      what: "a table whose name holds a zero byte",
      change: (body) => (body["tables"] = [{ schema: "public", name: "content\0", rows: 1 }]),
    },
    {
      what: "more rows than there are",
      change: (body) => (body["tables"] = [{ schema: "public", name: "content", rows: 2 ** 53 - 1 }]),
    },
    {
      what: "fewer rows than there are",
      change: (body) => (body["tables"] = [{ schema: "public", name: "customers", rows: 999 }]),
    },
  ])("with $what is refused", async ({ change }, { shop, local, dataops }) => {
    await local.create();
    const { folder, root, cache, manifest } = await copyOf(shop);
    await rewriteManifest(folder, manifest, (body) => change(body, manifest));
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const fetch = await dataops.start(FETCH, { environment });
    const ended = await fetch.exited;
    expect(ended, ended.stderr).toMatchObject({ code: 14, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).not.toMatch(CONTROL_CHARACTERS);
    expect(ended.stderr).toMatch(
      /^error: .*(?:is corrupt: |is \d+ bytes long; |format version 99|the restored rows are not)/m,
    );
    expect(ended.stderr, "it is refused for what it says").not.toContain("digest does not match");
    await expectUntouched(local);
    expect(await readdir(fetch.temporary)).toEqual([]);
    expect((await readdir(root)).filter((name) => name !== "cache")).toEqual(["storage"]);
  });
});

type Body = Record<string, unknown>;

function archive(changes: Partial<Record<keyof Manifest["archive"], unknown>>) {
  return (body: Body): void => {
    // In place, since the digest is over the keys in their order.
    if (typeof body["archive"] === "object" && body["archive"] !== null)
      Object.assign(body["archive"], changes);
  };
}

/** A copy of the storage to spoil, and a cache that does not exist yet, both in one folder. */
async function copyOf({ folder: original, manifest }: { folder: string; manifest: Manifest }) {
  const root = await temporaryFolder("spoiled");
  const folder = join(root, "storage");
  await cp(original, folder, { recursive: true });
  return { root, folder, cache: join(root, "cache"), manifest };
}

/** Changes the stored manifest, with a digest that is right again. */
async function rewriteManifest(
  folder: string,
  manifest: Manifest,
  change: (body: Body) => unknown,
): Promise<void> {
  const path = join(folder, manifestKey(manifest.database, manifest.id));
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- it is one, or the test fails
  const body = JSON.parse(await readFile(path, "utf8")) as Body;
  delete body["sha256"];
  change(body);
  await writeFile(path, JSON.stringify({ ...body, sha256: digest(JSON.stringify(body)) }));
}

function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

async function flipBit(path: string, position: number): Promise<void> {
  const content = await readFile(path);
  content[position] = (content[position] ?? 0) ^ 1;
  await writeFile(path, content);
}

/** Of a number of rows: what is there afterwards is as good a manifest as before, but for its digest. */
async function flipDigit(path: string): Promise<void> {
  await flipBit(path, (await readFile(path, "utf8")).indexOf(`"rows": 1`) + `"rows": `.length);
}

async function replaceText(path: string, pattern: RegExp, replacement: string): Promise<void> {
  const text = await readFile(path, "utf8");
  expect(text).toMatch(pattern);
  await writeFile(path, text.replace(pattern, replacement));
}

/** 256 MiB of zeros in some kilobytes. */
function zstdBomb(): Buffer {
  return zstdCompressSync(Buffer.alloc(256 * 1024 * 1024), {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
  });
}
