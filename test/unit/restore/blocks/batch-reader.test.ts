import { hash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { tuplePosition } from "../../../../src/repository/blocks/tuple-position.ts";
import { packKey } from "../../../../src/repository/keys.ts";
import { noPackCache } from "../../../../src/repository/blocks/pack-cache.ts";
import { PackReader } from "../../../../src/repository/blocks/pack-reader.ts";
import { BatchReader } from "../../../../src/restore/blocks/batch-reader.ts";
import { BytesInFlight } from "../../../../src/bytes-in-flight.ts";
import { planReads, type PlacedBlock } from "../../../../src/restore/blocks/plan-reads.ts";
import { readAhead } from "../../../../src/restore/blocks/read-ahead.ts";
import { RecentTexts } from "../../../../src/restore/blocks/recent-texts.ts";
import { openFileStorage } from "../../../../src/storage/file.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const PACK = "20261121T040000Z-k3v9qa-1";
const { signal } = new AbortController();
const LARGE = 9_000_000;

const text = (letter: string, size = 5000): Buffer =>
  Buffer.from(`${letter.repeat(99)}\n`.repeat(size / 100));

/** A pack of frames, and a block for each: what its index says is in it is not always what is. */
async function pack(
  frames: readonly { says: Buffer; holds?: Buffer; base?: { says: Buffer; holds: Buffer } }[],
): Promise<{ storage: Storage; blocks: PlacedBlock[] }> {
  const parts: Buffer[] = [];
  const add = (bytes: Buffer) => {
    const offset = parts.reduce((sum, part) => sum + part.byteLength, 0);
    parts.push(bytes);
    return { pack: PACK, offset, length: bytes.byteLength };
  };
  const blocks = frames.map(({ says, holds = says, base }, from): PlacedBlock => {
    const baseFrame = base && {
      frame: add(zstdCompressSync(base.holds)),
      sha256: hash("sha256", base.says, "hex"),
    };
    const frame = add(zstdCompressSync(holds, base && { dictionary: base.says }));
    return {
      from: tuplePosition(from),
      rows: 1,
      size: says.byteLength,
      sha256: hash("sha256", says, "hex"),
      frame,
      base: baseFrame,
    };
  });
  const storage = openFileStorage(await temporaryFolder("frames"));
  await storage.put(packKey("production", PACK), Buffer.concat(parts));
  return { storage, blocks };
}

async function read(storage: Storage, blocks: readonly PlacedBlock[]): Promise<Buffer> {
  const packs = new PackReader({ storage, database: "production", cache: noPackCache });
  const reader = new BatchReader(packs, new RecentTexts(1_000_000), "public.notes");
  const inFlight = new BytesInFlight(1_000_000);
  const chunks: Uint8Array[] = [];
  for await (const { bytes, release } of readAhead(reader, planReads(blocks, 2000), { inFlight, signal })) {
    chunks.push(Buffer.from(bytes));
    release();
  }
  return Buffer.concat(chunks);
}

test("blocks, deltas and large blocks come in order", async () => {
  const base = { says: text("b"), holds: text("b") };
  const frames = [
    { says: text("a") },
    { says: text("c"), base },
    { says: text("d", LARGE) },
    { says: text("e") },
  ];
  const { storage, blocks } = await pack(frames);
  expect((await read(storage, blocks)).equals(Buffer.concat(frames.map(({ says }) => says)))).toBe(true);
});

describe("a frame in good order that is not the one", () => {
  test.for([
    ["of the same size", { says: text("a"), holds: text("b") }],
    ["longer", { says: text("a"), holds: text("a", 6000) }],
    ["shorter", { says: text("a"), holds: text("a", 4000) }],
    ["large, of the same size", { says: text("a", LARGE), holds: text("b", LARGE) }],
    ["large and longer", { says: text("a", LARGE), holds: text("a", LARGE + 1000) }],
    ["as a dictionary", { says: text("a"), base: { says: text("b"), holds: text("c") } }],
  ] as const)("%s is told", async ([, frame]) => {
    const { storage, blocks } = await pack([{ says: text("x") }, frame]);
    await expect(read(storage, blocks)).rejects.toMatchObject({
      exit: "corrupt",
      message: expect.stringMatching(new RegExp(`^pack ${PACK} is corrupt .*public\\.notes from page 1`)),
    });
  });
});

test("what was only wrong on the way is fetched again", async () => {
  const { storage, blocks } = await pack([{ says: text("a") }, { says: text("b") }]);
  let reads = 0;
  const once: Storage = {
    ...storage,
    get: async (key, options) => {
      reads += 1;
      const content = await storage.get(key, options);
      return reads === 1 ? zeroed(content) : content;
    },
  };
  expect((await read(once, blocks)).equals(Buffer.concat([text("a"), text("b")]))).toBe(true);
  expect(reads).toBe(3);
});

async function* zeroed(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) yield Buffer.alloc(chunk.byteLength);
}
