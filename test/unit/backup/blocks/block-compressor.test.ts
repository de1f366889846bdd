import { setImmediate } from "node:timers/promises";
import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockCompressor } from "../../../../src/backup/blocks/block-compressor.ts";

/** As many bytes as said, of which zstd makes little, or nothing at all. */
const texts = fc
  .record({
    size: fc.oneof(
      fc.integer({ min: 1, max: 300_000 }),
      fc.constantFrom(512 * 1024, 700_000, 2 * 1024 * 1024, 4 * 1024 * 1024),
    ),
    seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    isRandom: fc.boolean(),
  })
  .map(({ size, seed, isRandom }) => {
    const text = Buffer.alloc(size, `row ${seed}\n`);
    if (!isRandom) return text;
    let state = seed;
    for (let at = 0; at + 4 <= size; at += 4) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      text.writeUInt32LE((state ^ (state >>> 13)) >>> 0, at);
    }
    return text;
  });

test("frames are their texts', whatever is compressed at the same time, until they were used", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 12 }), async (all) => {
      using compressor = new BlockCompressor(1);
      for (let round = 0; round < 2; round += 1) {
        const unpacked = await Promise.all(
          all.map((text) =>
            compressor.compress(text, async (frame) => {
              await setImmediate();
              return zstdDecompressSync(frame);
            }),
          ),
        );
        for (const [index, text] of all.entries()) expect(unpacked[index]?.equals(text)).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test("a frame says how long its text is, so that whoever reads it sets aside no more", async () => {
  using compressor = new BlockCompressor(1);
  const text = Buffer.alloc(100_000, "a row\n");
  const header = await compressor.compress(text, (frame) =>
    Promise.resolve(Buffer.from(frame.subarray(0, 10))),
  );
  // RFC 8878, 3.1.1.1: a single segment, whose size stands in the four bytes behind the descriptor.
  expect((header[4] ?? 0) >> 5).toBe(0b101);
  expect(header.readUInt32LE(5)).toBe(text.byteLength);
});

test("four texts are compressed at once; the others wait until frames were used", async () => {
  using compressor = new BlockCompressor(1);
  const { promise: used, resolve: use } = Promise.withResolvers<void>();
  let begun = 0;
  const all = Array.from({ length: 6 }, () =>
    compressor.compress(Buffer.from("text"), async () => {
      begun += 1;
      if (begun === 4) use();
      await used;
    }),
  );
  await used;
  expect(begun).toBe(4);
  await Promise.all(all);
  expect(begun).toBe(6);
});

test("what a user of a frame throws is told, and the next text is compressed", async () => {
  using compressor = new BlockCompressor(1);
  const text = Buffer.from("text");
  for (let time = 0; time < 5; time += 1) {
    const failed = compressor.compress(text, () => Promise.reject(new Error("the storage is full")));
    await expect(failed).rejects.toThrow("the storage is full");
  }
  expect(await compressor.compress(text, (frame) => Promise.resolve(zstdDecompressSync(frame)))).toEqual(
    text,
  );
});
