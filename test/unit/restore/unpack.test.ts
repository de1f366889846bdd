import { randomBytes } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { silentReporter } from "../../../src/observe/reporter.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { unpackArchive } from "../../../src/restore/archive/unpack.ts";
import { decompressFrames } from "../../../src/repository/zstd-frames.ts";
import { exampleManifest } from "../../support/manifests.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const MEBIBYTE = 1024 * 1024;
const progress = silentReporter.progress("unpack");

function compressFrame(content: Uint8Array, checksum = true): Buffer {
  return zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 } });
}

/** A frame that decoders pass over. */
function skippableFrame(content: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a53, 0);
  header.writeUInt32LE(content.byteLength, 4);
  return Buffer.concat([header, content]);
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength; offset += size) yield bytes.subarray(offset, offset + size);
}

async function decompress(bytes: Uint8Array, chunkSize = 1000): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompressFrames(inChunks(bytes, chunkSize))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("decompressFrames", () => {
  test("gives the content of every frame, however the stream is cut", async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 2_000 }),
      // Compressible, so that there are blocks of every type, and several to a frame.
      fc.integer({ min: 0, max: 300_000 }).map((length) => new Uint8Array(length).fill(7)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ content, checksum: fc.boolean() }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 5_000 }),
        async (frames, chunkSize) => {
          const stored = Buffer.concat(frames.map((frame) => compressFrame(frame.content, frame.checksum)));
          const expected = Buffer.concat(frames.map((frame) => frame.content));
          expect((await decompress(stored, chunkSize)).equals(expected)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("passes over skippable frames", async () => {
    const stored = Buffer.concat([
      skippableFrame(Buffer.from("note")),
      compressFrame(Buffer.from("one ")),
      skippableFrame(Buffer.alloc(0)),
      compressFrame(Buffer.from("two")),
    ]);
    expect((await decompress(stored, 3)).toString()).toBe("one two");
  });

  test("fails at every cut inside a frame", async () => {
    const frame = compressFrame(randomBytes(100));
    for (let length = 1; length < frame.byteLength; length += 1) {
      await expect(decompress(Buffer.concat([frame, frame.subarray(0, length)]))).rejects.toThrow(
        "the last frame is cut",
      );
    }
  });

  test.for([
    [
      "something after the last frame",
      Buffer.concat([compressFrame(Buffer.from("a")), Buffer.from("PGDMP")]),
    ],
    ["no zstd at all", Buffer.from("PGDMP, a plain archive")],
    ["a block type that does not exist", Buffer.from("28b52ffd0058070000", "hex")],
  ] as const)("fails on %s", async ([, stored]) => {
    await expect(decompress(stored)).rejects.toThrow(expect.objectContaining({ name: "ZstdFormatError" }));
  });

  test("fails on a changed bit, by the frame's checksum", async () => {
    const frame = compressFrame(randomBytes(10_000));
    frame[5_000] = (frame[5_000] ?? 0) ^ 1;
    await expect(decompress(frame)).rejects.toThrow(expect.objectContaining({ name: "ZstdFormatError" }));
  });

  test("throws what its source throws", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield compressFrame(randomBytes(1000)).subarray(0, 500);
      throw new Error("the disk is on fire");
    }
    await expect(decompressFrames(broken()).next()).rejects.toThrow("the disk is on fire");
  });
});

interface Fixture {
  folder: string;
  path: string;
  destination: string;
  manifest: Manifest;
}

async function storedArchive(stored: Uint8Array, rawSize: number): Promise<Fixture> {
  const folder = await temporaryFolder("unpack");
  const path = join(folder, "archive.dump.zst");
  await writeFile(path, stored);
  const example = exampleManifest();
  const manifest = { ...example, archive: { ...example.archive, size: stored.byteLength, rawSize } };
  return { folder, path, destination: join(folder, "archive.dump"), manifest };
}

function unpack(
  { path, manifest, destination }: Fixture,
  signal = new AbortController().signal,
): Promise<void> {
  return unpackArchive(path, manifest, destination, { signal, progress });
}

describe("unpackArchive", () => {
  test("writes all frames into a file of mode 0600, and tells the bytes", async () => {
    const content = randomBytes(3 * MEBIBYTE);
    const frames = [content.subarray(0, MEBIBYTE), content.subarray(MEBIBYTE)].map((part) =>
      compressFrame(part),
    );
    const fixture = await storedArchive(Buffer.concat(frames), content.byteLength);
    await writeFile(fixture.destination, "what was there", { mode: 0o644 });
    let told = 0;
    await unpackArchive(fixture.path, fixture.manifest, fixture.destination, {
      signal: new AbortController().signal,
      progress: { add: (bytes) => (told += bytes), end() {} },
    });
    expect((await readFile(fixture.destination)).equals(content)).toBe(true);
    expect((await stat(fixture.destination)).mode & 0o777).toBe(0o600);
    expect(told).toBe(content.byteLength);
  });

  test("stops a bomb at the size that the manifest says", async () => {
    const bomb = compressFrame(Buffer.alloc(64 * MEBIBYTE));
    const fixture = await storedArchive(bomb, MEBIBYTE);
    let told = 0;
    const unpacked = unpackArchive(fixture.path, fixture.manifest, fixture.destination, {
      signal: new AbortController().signal,
      progress: { add: (bytes) => (told += bytes), end() {} },
    });
    await expect(unpacked).rejects.toMatchObject({
      exit: "corrupt",
      message: expect.stringContaining("more bytes"),
    });
    expect(told).toBeLessThanOrEqual(MEBIBYTE);
    await expect(stat(fixture.destination)).rejects.toThrow("ENOENT");
  });

  test.for([
    ["fewer bytes than the manifest says", compressFrame(Buffer.alloc(100)), 101, "fewer bytes"],
    ["a cut archive", compressFrame(randomBytes(1000)).subarray(0, 900), 1000, "cut"],
    ["an archive that ends in its header", compressFrame(Buffer.from("PGDMP\x01")), 6, "ends inside"],
  ] as const)("says corrupt, naming the object, for %s", async ([, stored, rawSize, message]) => {
    const fixture = await storedArchive(stored, rawSize);
    await expect(unpack(fixture)).rejects.toMatchObject({
      exit: "corrupt",
      message: expect.stringMatching(
        new RegExp(`^production/backups/.*/archive.dump.zst is corrupt: .*${message}`),
      ),
    });
    await expect(stat(fixture.destination)).rejects.toThrow("ENOENT");
  });

  test("ends with the signal's reason and leaves nothing", async () => {
    const content = randomBytes(4 * MEBIBYTE);
    const fixture = await storedArchive(compressFrame(content), content.byteLength);
    const controller = new AbortController();
    const unpacked = unpackArchive(fixture.path, fixture.manifest, fixture.destination, {
      signal: controller.signal,
      progress: { add: () => controller.abort(new Error("enough")), end() {} },
    });
    await expect(unpacked).rejects.toThrow("enough");
    await expect(stat(fixture.destination)).rejects.toThrow("ENOENT");
  });
});
