import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseBlockIndex,
  serializeBlockIndex,
  type BlockRange,
  type FrameReference,
} from "../../../../src/repository/blocks/block-index.ts";
import { tuplePosition } from "../../../../src/repository/blocks/tuple-position.ts";

const ID = "20261121T040000Z-k3v9qa";
const DIGEST = "ab".repeat(32);
const WHERE = "the index of public.orders";

const frames: fc.Arbitrary<FrameReference> = fc.record({
  pack: fc.integer({ min: 1, max: 999 }).map((number) => `${ID}-${number}`),
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
const indexes: fc.Arbitrary<BlockRange[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2 ** 24 }), fc.option(blocks, { nil: undefined })))
  .map((steps) => {
    let position = 0;
    return steps.map(([step, block]) => {
      const range = { from: position, block };
      position += step;
      return range;
    });
  });

function textOf(ranges: readonly BlockRange[]): string {
  return Buffer.concat([...serializeBlockIndex(ranges)]).toString();
}

test("comes back as it was written", () => {
  fc.assert(
    fc.property(indexes, (ranges) => {
      expect(parseBlockIndex(textOf(ranges), WHERE)).toEqual(ranges);
    }),
  );
});

test("comes back however many pieces it is written in", () => {
  const ranges = Array.from({ length: 1_201 }, (_, index) => ({
    from: tuplePosition(index),
    block: undefined,
  }));
  expect([...serializeBlockIndex(ranges)].length).toBeGreaterThan(1);
  expect(parseBlockIndex(textOf(ranges), WHERE)).toEqual(ranges);
});

test("is the text that the documentation says", () => {
  const text = textOf([
    {
      from: 0,
      block: {
        rows: 3,
        size: 40,
        sha256: DIGEST,
        frame: { pack: `${ID}-1`, offset: 0, length: 30 },
        base: undefined,
      },
    },
    { from: tuplePosition(64, 3), block: undefined },
  ]);
  expect(text).toBe(`0,0 3 40 ${DIGEST} - ${ID}-1 0 30 - - - -\n64,3 0 0 - - - - - - - - -\n`);
});

describe("is refused", () => {
  const good = `0,0 3 40 ${DIGEST} - ${ID}-1 0 30 - - - -`;
  test.for([
    ["without its last line break", good],
    ["where it does not begin at page 0", `${good.replace(/^0,0/, "8,0")}\n`],
    ["with ranges out of order", `${good}\n${good}\n`],
    ["with a position that is none", `${good.replace(/^0,0/, "0,x")}\n`],
    ["with a fingerprint that is none", `${good.replace(" - ", " abc ")}\n`],
    ["with a field too few", `${good.slice(0, -2)}\n`],
    ["with a path for a pack", `${good.replace(`${ID}-1`, "../../etc")}\n`],
    ["with a negative number", `${good.replace(" 3 ", " -3 ")}\n`],
    ["with a number beyond all reason", `${good.replace(" 40 ", " 99999999999999 ")}\n`],
    ["with rows and no text", `${good.replace(" 40 ", " 0 ")}\n`],
    ["with half a dictionary", `${good.replace("- - - -", `${ID}-1 0 30 -`)}\n`],
    ["with a digest that is none", `${good.replace("ab", "zz")}\n`],
  ] as const)("%s", ([, text]) => {
    expect(() => parseBlockIndex(text, WHERE)).toThrow(`${WHERE} is corrupt`);
  });
});
