import fc from "fast-check";
import type { BlockRange, FrameReference } from "../../src/repository/blocks/stored-block.ts";

/** No range of `rangeLists` begins so late. */
export const MAX_POSITION = 2 ** 40;

const frames: fc.Arbitrary<FrameReference> = fc.record({
  pack: fc.integer({ min: 1, max: 999 }).map((number) => `20261121T040000Z-k3v9qa-${number}`),
  offset: fc.integer({ min: 0, max: 2 ** 40 }),
  length: fc.integer({ min: 1, max: 2 ** 30 }),
});

const digests = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));

const blocks = fc.record({
  rows: fc.integer({ min: 1, max: 1e9 }),
  size: fc.integer({ min: 1, max: 2 ** 32 }),
  sha256: digests,
  frame: frames,
  base: fc.option(fc.record({ frame: frames, sha256: digests }), { nil: undefined }),
});

/** A table's ranges, in their order, from its first position on. */
export const rangeLists: fc.Arbitrary<BlockRange[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2 ** 24 }), fc.option(blocks, { nil: undefined })), {
    maxLength: 40,
  })
  .map((steps) => {
    let position = 0;
    return steps.map(([step, block]) => {
      const range = { from: position, block };
      position += step;
      return range;
    });
  });
