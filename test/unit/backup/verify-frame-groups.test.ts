import { expect, test } from "vitest";
import {
  blockKey,
  FrameGroups,
  framesOf,
  inBatches,
  inSlices,
} from "../../../src/backup/verify/frame-groups.ts";
import type { FrameReference, StoredBlock } from "../../../src/repository/blocks/stored-block.ts";

const PACK = "20261121T040000Z-aaaaaa-1";
const LATER = "20261121T080000Z-bbbbbb-1";

function frame(offset: number, length = 10, pack = PACK): FrameReference {
  return { pack, offset, length };
}

function block(at: FrameReference, changes: Partial<StoredBlock> = {}): StoredBlock {
  return { rows: 1, size: 100, sha256: `${at.offset}`, frame: at, base: undefined, ...changes };
}

function delta(at: FrameReference, on: FrameReference, changes: Partial<StoredBlock> = {}): StoredBlock {
  return block(at, { base: { frame: on, sha256: `${on.offset}` }, ...changes });
}

function groupsOf(...blocks: StoredBlock[]): FrameGroups {
  const groups = new FrameGroups();
  for (const each of blocks) groups.add(each);
  return groups;
}

test("what several backups refer to is there once, with all deltas that need it", () => {
  const shared = block(frame(0));
  const changed = delta(frame(0, 5, LATER), frame(0));
  const groups = groupsOf(shared, { ...shared }, changed, shared, { ...changed }).sorted();
  expect(groups).toEqual([{ frame: frame(0), sha256: "0", blocks: [shared], deltas: [changed] }]);
  expect(groups.flatMap(framesOf)).toEqual([frame(0), frame(0, 5, LATER)]);
});

test("a frame that is only a dictionary is read, too", () => {
  const groups = groupsOf(delta(frame(0, 5, LATER), frame(40))).sorted();
  expect(groups).toEqual([expect.objectContaining({ frame: frame(40), blocks: [] })]);
});

test("where indexes differ about a block, each is checked", () => {
  const [one, other] = [block(frame(0)), block(frame(0), { rows: 2 })];
  expect(groupsOf(one, other).sorted()[0]?.blocks).toEqual([one, other]);
  const wrong = block(frame(0), { sha256: "another" });
  expect(groupsOf(one, wrong).sorted()).toHaveLength(2);
  expect(new Set([one, other, wrong, delta(frame(0), frame(9))].map(blockKey)).size).toBe(4);
});

test("groups come in the order in which they are stored", () => {
  const groups = groupsOf(block(frame(50, 10, LATER)), block(frame(30)), block(frame(0))).sorted();
  expect(groups.map((group) => group.frame)).toEqual([frame(0), frame(30), frame(50, 10, LATER)]);
});

test("batches hold as many bytes as they may; what is larger is alone", () => {
  const small = [0, 10, 20, 30].map((offset) => block(frame(offset)));
  const long = block(frame(40, 100));
  const huge = block(frame(140), { size: 20_000_000 });
  const last = block(frame(150));
  const batches = [...inBatches(groupsOf(...small, long, huge, last).sorted(), 30)];
  expect(batches.map(({ groups, isLarge }) => [groups.map((group) => group.frame.offset), isLarge])).toEqual([
    [[0, 10, 20], false],
    [[30], false],
    [[40], true],
    [[140], true],
    [[150], false],
  ]);
});

test("deltas are cut into slices; one that is too large is alone", () => {
  const deltas = [0, 10, 20, 30, 40].map((offset) =>
    delta(frame(offset, 10, LATER), frame(0), { size: offset === 20 ? 9_000_000 : 100 }),
  );
  const offsets = [...inSlices(deltas, 20)].map((slice) => slice.map(({ frame: { offset } }) => offset));
  expect(offsets).toEqual([[0, 10], [20], [30, 40]]);
});
