import fc from "fast-check";
import { expect, test } from "vitest";
import { KnownBlocks } from "../../../../src/backup/blocks/known-blocks.ts";
import type { StoredBlock } from "../../../../src/repository/blocks/stored-block.ts";
import { BlockList } from "../../../../src/repository/blocks/block-list.ts";

/** Few beginnings, so that many look for the same place; few ends, so that some are equal. */
const digests = fc
  .tuple(fc.constantFrom("00000000", "00000001", "ffffffff", "000003ff"), fc.nat(30))
  .map(([start, end]) => start + end.toString(16).padStart(56, "0"));
const lists = fc.array(fc.array(digests, { maxLength: 60 }), { maxLength: 5 });

function listOf(blocks: readonly StoredBlock[]): BlockList {
  return BlockList.of(blocks.map((block, from) => ({ from, block })));
}

function block(sha256: string, offset: number): StoredBlock {
  return { rows: 1, size: 2, sha256, frame: { pack: "a", offset, length: 1 }, base: undefined };
}

test("finds the first block with a digest, of those that are wanted, and none that was not added", () => {
  fc.assert(
    fc.property(lists, digests, (all, other) => {
      const known = new KnownBlocks();
      const expected = new Map<string, StoredBlock>();
      for (const list of all) {
        const blocks = list.map(block);
        known.add(listOf(blocks), ({ frame }) => frame.offset % 3 > 0);
        for (const each of blocks) {
          if (each.frame.offset % 3 > 0 && !expected.has(each.sha256)) expected.set(each.sha256, each);
        }
      }
      for (const digest of [...all.flat(), other]) {
        expect(known.get(digest)).toEqual(expected.get(digest));
      }
    }),
  );
});

test("finds all of more blocks than it had places for at first", () => {
  const spread = Array.from({ length: 5_000 }, (_, index) =>
    block(((index * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, "0").padEnd(64, "0"), index),
  );
  const known = new KnownBlocks();
  known.add(listOf(spread.slice(0, 100)), () => true);
  known.add(listOf(spread.slice(100)), () => true);
  for (const each of spread) expect(known.get(each.sha256)).toEqual(each);
});
