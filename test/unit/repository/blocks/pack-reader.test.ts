import { hash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { silentReporter } from "../../../../src/observe/reporter.ts";
import { endOf, type FrameReference } from "../../../../src/repository/blocks/stored-block.ts";
import { joinFrames, type Span } from "../../../../src/repository/blocks/join-frames.ts";
import { noPackCache, openPackCache } from "../../../../src/repository/blocks/pack-cache.ts";
import { PackReader } from "../../../../src/repository/blocks/pack-reader.ts";
import { packKey, packName } from "../../../../src/repository/keys.ts";
import { openFileStorage } from "../../../../src/storage/file.ts";
import { faultyStorage, type FaultRules } from "../../../support/faulty-storage.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const PACK = packName("20261121T040000Z-k3v9qa", 1);
const FRAMES = 6;
const { signal } = new AbortController();

/** A pack of frames of random text in a storage that counts, and an empty cache. */
async function stored({ rules = {}, textSize = 200_000 }: { rules?: FaultRules; textSize?: number } = {}) {
  const texts = Array.from({ length: FRAMES }, () => randomBytes(textSize));
  const parts = texts.map((text) => zstdCompressSync(text));
  const frames: FrameReference[] = [];
  for (const { byteLength } of parts) {
    const last = frames.at(-1);
    frames.push({ pack: PACK, offset: last === undefined ? 0 : endOf(last), length: byteLength });
  }
  const folder = await temporaryFolder("pack-reader");
  const inner = openFileStorage(join(folder, "storage"));
  const content = Buffer.concat(parts);
  await inner.put(packKey("production", PACK), content);
  const storage = faultyStorage(inner, rules);
  const directory = join(folder, "cache");
  const cache = await openPackCache({
    cache: { directory, maxBytes: 1024 ** 4 },
    database: "production",
    needed: [],
    reporter: silentReporter,
  });
  const packs = new PackReader({ storage, database: "production", cache });
  const cached = join(directory, "packs", "production", `${PACK}.pack`);
  const expected = texts.map((text) => ({
    size: text.byteLength,
    maxSize: text.byteLength,
    sha256: hash("sha256", text, "hex"),
    dictionary: undefined,
  }));
  const at = <T>(list: readonly T[], place: number): T => {
    const item = list[place];
    if (item === undefined) throw new Error(`there is no ${place}`);
    return item;
  };
  const text = (place: number) => packs.text(at(frames, place), at(expected, place), signal);
  return { storage, packs, frames, texts, content, cached, text };
}

function wholeSpan(frames: readonly FrameReference[]): Span {
  const [span] = joinFrames(frames, { maxGap: 0, maxWaste: 0 });
  if (span === undefined) throw new Error("there are no frames");
  return span;
}

test("a second read comes from the cache", async () => {
  const { packs, frames, storage, content } = await stored();
  const span = wholeSpan(frames);
  expect((await packs.read(span, signal)).equals(content)).toBe(true);
  expect((await packs.read(span, signal)).equals(content)).toBe(true);
  expect(storage.calls.get).toBe(1);
});

test("of a span only the frames that are not in the cache are fetched", async () => {
  const { packs, frames, storage, content, text } = await stored();
  for (const place of [0, 3, 5]) await text(place);
  const before = storage.bytesRead;
  expect((await packs.read(wholeSpan(frames), signal)).equals(content)).toBe(true);
  const missing = frames.filter((_, place) => [1, 2, 4].includes(place));
  expect(storage.bytesRead - before).toBe(missing.reduce((sum, { length }) => sum + length, 0));
  expect(storage.calls.get, "two requests for 1 and 2, and 4").toBe(5);
});

describe("a frame in the cache", () => {
  test.for<[string, (file: Buffer, frame: FrameReference) => void]>([
    [
      "with a flipped bit",
      (file, { offset }) => file.writeUInt8(file.readUInt8(offset + 90) ^ 4, offset + 90),
    ],
    ["with a hole in it", (file, { offset, length }) => file.fill(0, offset + 4, offset + length)],
    ["of zeros", (file, { offset, length }) => file.fill(0, offset, offset + length)],
    ["of another pack", (file, { offset }) => file.set(zstdCompressSync(Buffer.from("another")), offset)],
  ])("%s is healed from the storage", async ([, harm]) => {
    const { storage, cached, text, texts, frames, content } = await stored();
    for (const place of frames.keys()) await text(place);
    const file = await readFile(cached);
    harm(file, frames[2] ?? { pack: "", offset: 0, length: 0 });
    await writeFile(cached, file);
    const before = storage.calls.get;
    expect((await text(2))?.equals(texts[2] ?? Buffer.alloc(0))).toBe(true);
    expect(storage.calls.get - before).toBe(1);
    expect((await readFile(cached)).equals(content), "the cache is mended").toBe(true);
    expect(await text(2)).toBeDefined();
    expect(storage.calls.get - before).toBe(1);
  });
});

test("what is wrong in the storage is told, after another try", async () => {
  const { storage, text } = await stored({ rules: { flip: { byte: 90 } } });
  expect(await text(0)).toBeUndefined();
  expect(storage.calls.get).toBe(2);
});

test("what was wrong on the way is right in the cache", async () => {
  const { storage, text, cached, content } = await stored({ rules: { flip: { byte: 90, times: 1 } } });
  expect(await text(0)).toBeDefined();
  expect(storage.calls.get).toBe(2);
  const file = await readFile(cached);
  expect(file.equals(content.subarray(0, file.byteLength))).toBe(true);
});

test("a pack that ends too early is named", async () => {
  const { text } = await stored({ rules: { cutAt: 100 } });
  await expect(text(0)).rejects.toMatchObject({
    exit: "corrupt",
    message: expect.stringMatching(`^pack ${PACK} is corrupt at byte 0: it has 100 of \\d+ bytes there`),
  });
});

test("a pack that is missing is named", async () => {
  const storage = openFileStorage(await temporaryFolder("pack-reader"));
  const packs = new PackReader({ storage, database: "production", cache: noPackCache });
  const span = wholeSpan([{ pack: PACK, offset: 5, length: 5 }]);
  await expect(packs.read(span, signal)).rejects.toMatchObject({
    exit: "corrupt",
    message: `pack ${PACK} is corrupt at byte 5: it is missing`,
  });
});

describe("a frame that is too large to be held", () => {
  async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  test("comes in chunks, and from the cache the second time", async () => {
    const { packs, frames, content, storage } = await stored({ textSize: 3_000_000 });
    const frame = frames[1] ?? { pack: "", offset: 0, length: 0 };
    const expected = content.subarray(frame.offset, endOf(frame));
    expect((await collect(packs.streamCached(frame))).byteLength).toBe(0);
    expect((await collect(packs.stream(frame, signal))).equals(expected)).toBe(true);
    expect((await collect(packs.streamCached(frame))).equals(expected)).toBe(true);
    expect(storage.calls.get).toBe(1);
  });

  test("is not passed on as whole where the pack is cut", async () => {
    const { packs, frames } = await stored({ rules: { cutAt: 1000 } });
    const frame = frames[0] ?? { pack: "", offset: 0, length: 0 };
    await expect(collect(packs.stream(frame, signal))).rejects.toMatchObject({ exit: "corrupt" });
  });
});
