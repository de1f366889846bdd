import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseBlockIndex, serializeBlockIndex } from "../../../../src/repository/blocks/block-index.ts";
import type { BlockRange } from "../../../../src/repository/blocks/stored-block.ts";
import { tuplePosition } from "../../../../src/repository/blocks/tuple-position.ts";
import { rangeLists } from "../../../support/range-lists.ts";

const ID = "20261121T040000Z-k3v9qa";
const DIGEST = "ab".repeat(32);
const WHERE = "the index of public.orders";

function textOf(ranges: readonly BlockRange[]): Buffer {
  return Buffer.concat([...serializeBlockIndex(ranges)]);
}

/** In pieces of up to so many bytes. */
async function parse(text: Buffer, pieceSize = text.byteLength): Promise<BlockRange[]> {
  const pieces: Buffer[] = [];
  for (let start = 0; start < text.byteLength; start += pieceSize) {
    pieces.push(text.subarray(start, start + pieceSize));
  }
  return [...(await parseBlockIndex(pieces, WHERE))];
}

test("comes back as it was written, in whatever pieces it comes", async () => {
  await fc.assert(
    fc.asyncProperty(rangeLists, fc.integer({ min: 1, max: 1000 }), async (ranges, pieceSize) => {
      expect(await parse(textOf(ranges), pieceSize)).toEqual(ranges);
    }),
  );
});

test("comes back however many pieces it is written in", async () => {
  const ranges = Array.from({ length: 1_201 }, (_, index) => ({
    from: tuplePosition(index),
    block: undefined,
  }));
  expect([...serializeBlockIndex(ranges)].length).toBeGreaterThan(1);
  expect(await parse(textOf(ranges))).toEqual(ranges);
});

test("is read to its end where a line is wrong: that it is another text than was written says more", async () => {
  const pieces = (async function* () {
    yield Buffer.from("wrong\n");
    await Promise.resolve();
    throw new Error("it is another text");
  })();
  await expect(parseBlockIndex(pieces, WHERE)).rejects.toThrow("it is another text");
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
  expect(text.toString()).toBe(`0,0 3 40 ${DIGEST} - ${ID}-1 0 30 - - - -\n64,3 0 0 - - - - - - - - -\n`);
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
    ["with a letter that is none of ours", `${good.replace("-1 0", "-1\u00a00")}\n`],
    ["with a digest that is none", `${good.replace("ab", "zz")}\n`],
    ["with a line that does not end", "0".repeat(100_000)],
  ] as const)("%s", async ([, text]) => {
    await expect(parse(Buffer.from(text))).rejects.toThrow(`${WHERE} is corrupt: line `);
  });
});
