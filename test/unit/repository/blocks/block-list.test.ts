import fc from "fast-check";
import { expect, test } from "vitest";
import type { BlockRange } from "../../../../src/repository/blocks/stored-block.ts";
import { BlockList } from "../../../../src/repository/blocks/block-list.ts";
import { MAX_POSITION, rangeLists } from "../../../support/range-lists.ts";

const DIGEST = "ab".repeat(32);

test("gives back what it was given, by place and in order", () => {
  fc.assert(
    fc.property(rangeLists, fc.nat(40), fc.nat(40), (ranges, first, end) => {
      const list = BlockList.of(ranges);
      expect(list.length).toBe(ranges.length);
      expect([...list]).toEqual(ranges);
      expect(ranges.map((_, index) => list.at(index))).toEqual(ranges);
      const last = Math.min(end, ranges.length);
      expect([...list.between(Math.min(first, last), last)]).toEqual(
        ranges.slice(Math.min(first, last), last),
      );
    }),
  );
});

test("finds the block of a range by its start, and of no other position", () => {
  fc.assert(
    fc.property(rangeLists, (ranges) => {
      const list = BlockList.of(ranges);
      const starts = new Map(ranges.map(({ from, block }) => [from, block]));
      for (const { from } of ranges) {
        for (const position of [from - 1, from, from + 1]) {
          expect(list.blockFrom(position)).toEqual(starts.get(position));
        }
      }
      expect(list.blockFrom(MAX_POSITION)).toBeUndefined();
    }),
  );
});

test("finds every range of a list that takes several pieces of memory", () => {
  const ranges = Array.from({ length: 3_000 }, (_, index): BlockRange => {
    const frame = { pack: `pack-${index % 7}`, offset: index, length: index + 1 };
    const base = index % 3 === 0 ? undefined : { frame: { ...frame, length: 5 }, sha256: DIGEST };
    return { from: index * 3, block: { rows: index + 1, size: index + 2, sha256: DIGEST, frame, base } };
  });
  const list = BlockList.of(ranges);
  expect([...list]).toEqual(ranges);
  for (const { from, block } of ranges) expect(list.blockFrom(from)).toEqual(block);
});

test("keeps numbers as large as the format has", () => {
  const frame = { pack: "a", offset: 2 ** 46, length: 2 ** 33 };
  const range: BlockRange = {
    from: 2 ** 48 - 1,
    block: {
      rows: Number.MAX_SAFE_INTEGER,
      size: 2 ** 33,
      sha256: DIGEST,
      frame,
      base: { frame, sha256: DIGEST },
    },
  };
  expect([...BlockList.of([range])]).toEqual([range]);
});

test("has nothing beyond its end", () => {
  const list = BlockList.of([{ from: 0, block: undefined }]);
  expect(() => list.at(1)).toThrow(RangeError);
});
