import { expect, test } from "vitest";
import type { BlockRange, FrameReference } from "../../../../src/repository/blocks/stored-block.ts";
import { BlockList } from "../../../../src/repository/blocks/block-list.ts";
import type { BlockTable } from "../../../../src/repository/blocks/read-indexes.ts";
import { neededOfPacks } from "../../../../src/restore/blocks/open-packs.ts";

const DIGEST = "a".repeat(64);

function range(pack: string, length: number, base?: FrameReference): BlockRange {
  const frame = { pack, offset: 0, length };
  return {
    from: 0,
    block: { rows: 1, size: 1, sha256: DIGEST, frame, base: base && { frame: base, sha256: DIGEST } },
  };
}

function table(ranges: BlockRange[]): BlockTable {
  const index = { pack: "new", offset: 0, length: 1, size: 0, sha256: DIGEST };
  return {
    table: { schema: "s", name: "t", columns: [], rows: 1, size: 1, index, fingerprints: null },
    ranges: BlockList.of(ranges),
  };
}

test("what is needed of packs: blocks and dictionaries, and never more than there is", () => {
  const tables = [
    table([
      range("old", 10),
      { from: 1, block: undefined },
      range("new", 5, { pack: "old", offset: 10, length: 20 }),
    ]),
    table([range("small", 30), range("small", 30)]),
  ];
  const packs = [
    { name: "old", size: 1000 },
    { name: "unused", size: 1000 },
    { name: "new", size: 1000 },
    { name: "small", size: 40 },
  ];
  expect(neededOfPacks(tables, packs)).toEqual([
    { name: "old", size: 30 },
    { name: "new", size: 5 },
    { name: "small", size: 40 },
  ]);
});
