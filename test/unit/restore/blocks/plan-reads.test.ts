import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FrameReference } from "../../../../src/repository/blocks/stored-block.ts";
import type { ManifestBlockTable } from "../../../../src/repository/manifest.ts";
import { BlockList } from "../../../../src/repository/blocks/block-list.ts";
import type { BlockTable } from "../../../../src/repository/blocks/read-indexes.ts";
import {
  frameKey,
  isStreamed,
  planReads,
  sizeOfBatch,
  type Batch,
  type PlacedBlock,
} from "../../../../src/restore/blocks/plan-reads.ts";
import { RunQueue } from "../../../../src/restore/blocks/run-queue.ts";
import { withoutEndMark } from "../../../../src/restore/export.ts";

const MIB = 1024 * 1024;
const DIGEST = "a".repeat(64);

function block(pack: string, offset: number, length: number, size = 1000): PlacedBlock {
  return { from: 0, rows: 1, size, sha256: DIGEST, frame: { pack, offset, length }, base: undefined };
}

function delta(changed: PlacedBlock, { frame, sha256 }: PlacedBlock): PlacedBlock {
  return { ...changed, base: { frame, sha256 } };
}

describe("planReads", () => {
  /** Blocks by the numbers of their batches, and what each batch asks for. */
  type Expected = [blocks: number, spans: [string, number, number][]][];

  test.for<[string, PlacedBlock[], Expected]>([
    ["nothing", [], []],
    ["neighbours are one request", [block("a", 0, 10), block("a", 10, 5)], [[2, [["a", 0, 15]]]]],
    ["a small gap is read over", [block("a", 0, 10), block("a", 12, 5)], [[2, [["a", 0, 17]]]]],
    [
      "a gap that is more than half of what is wanted is not",
      [block("a", 0, 10), block("a", 18, 5)],
      [
        [
          2,
          [
            ["a", 0, 10],
            ["a", 18, 23],
          ],
        ],
      ],
    ],
    ["what stands before is fetched with it", [block("a", 10, 5), block("a", 0, 10)], [[2, [["a", 0, 15]]]]],
    [
      "another pack is another request of the same batch",
      [block("a", 0, 10), block("b", 10, 5), block("a", 10, 5)],
      [
        [
          3,
          [
            ["a", 0, 15],
            ["b", 10, 15],
          ],
        ],
      ],
    ],
    [
      "a dictionary is fetched with its block",
      [delta(block("b", 0, 5), block("a", 10, 5))],
      [
        [
          1,
          [
            ["a", 10, 15],
            ["b", 0, 5],
          ],
        ],
      ],
    ],
    [
      "a dictionary that is a block of the batch, or another's dictionary, is fetched once",
      [
        block("a", 0, 60),
        delta(block("b", 0, 20), block("a", 0, 60)),
        delta(block("b", 20, 20), block("a", 0, 60)),
      ],
      [
        [
          3,
          [
            ["a", 0, 60],
            ["b", 0, 40],
          ],
        ],
      ],
    ],
    [
      "dictionaries count",
      [delta(block("b", 0, 20), block("a", 0, 60)), delta(block("b", 20, 20), block("a", 60, 60))],
      [
        [
          1,
          [
            ["a", 0, 60],
            ["b", 0, 20],
          ],
        ],
        [
          1,
          [
            ["a", 60, 120],
            ["b", 20, 40],
          ],
        ],
      ],
    ],
    [
      "not more than allowed",
      [block("a", 0, 60), block("a", 60, 41)],
      [
        [1, [["a", 0, 60]]],
        [1, [["a", 60, 101]]],
      ],
    ],
    ["as much as allowed", [block("a", 0, 60), block("a", 60, 40)], [[2, [["a", 0, 100]]]]],
    ["a frame that is more by itself", [block("a", 0, 500)], [[1, [["a", 0, 500]]]]],
    [
      "a large block is alone, and is not held",
      [block("a", 0, 10), delta(block("a", 10, 5, 9 * MIB), block("a", 90, 5)), block("a", 15, 5)],
      [
        [1, [["a", 0, 10]]],
        [1, [["a", 90, 95]]],
        [1, [["a", 15, 20]]],
      ],
    ],
  ])("%s", ([, blocks, expected]) => {
    const batches = [...planReads(blocks, 100)];
    const planned = batches.map((batch) => [
      batch.blocks.length,
      batch.spans.map(({ pack, start, end }) => [pack, start, end]),
    ]);
    expect(planned).toEqual(expected);
    expect(batches.flatMap((batch) => batch.blocks)).toEqual(blocks);
  });

  const frame = fc.record({
    pack: fc.constantFrom("a", "b", "c"),
    // Far and near, over each other, and the same again.
    offset: fc.oneof(
      fc.nat(2000),
      fc.nat(40).map((place) => place * 100),
    ),
    length: fc.integer({ min: 1, max: 300 }),
  });
  const anyBlock = fc
    .record({ frame, base: fc.option(frame, { nil: undefined }), isLarge: fc.boolean() })
    .map(({ frame: own, base, isLarge }): PlacedBlock => {
      const placed = block(own.pack, own.offset, own.length, isLarge ? 9 * MIB : 1000);
      return { ...placed, base: base && { frame: base, sha256: DIGEST } };
    });

  test("every frame is in its batch's requests, the order and the bounds are kept", () => {
    fc.assert(
      fc.property(
        fc.array(anyBlock, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3000 }),
        (blocks, maxSize) => {
          const batches = [...planReads(blocks, maxSize)];
          expect(batches.flatMap((batch) => batch.blocks)).toEqual(blocks);
          for (const batch of batches) {
            const wanted = batch.blocks.flatMap((each) => [
              ...(isStreamed(each) ? [] : [each.frame]),
              ...(each.base === undefined ? [] : [each.base.frame]),
            ]);
            for (const each of wanted) expect(spansWith(batch, each)).toHaveLength(1);
            expect(batch.spans.flatMap(({ frames }) => frames).toSorted(byPlace)).toEqual(
              unique(wanted).toSorted(byPlace),
            );
            const bytes = unique(wanted).reduce((sum, { length }) => sum + length, 0);
            expect(sizeOfBatch(batch)).toBeLessThanOrEqual(bytes * 1.5);
            expect(batch.blocks.length === 1 || bytes <= maxSize).toBe(true);
            expect(batch.blocks.length === 1 || !batch.blocks.some(isStreamed)).toBe(true);
          }
        },
      ),
    );
  });

  function spansWith({ spans }: Batch, { pack, offset, length }: FrameReference) {
    return spans.filter((span) => span.pack === pack && span.start <= offset && offset + length <= span.end);
  }

  function unique(frames: readonly FrameReference[]): FrameReference[] {
    return [...new Map(frames.map((each) => [frameKey(each), each])).values()];
  }

  function byPlace(one: FrameReference, other: FrameReference): number {
    return one.pack.localeCompare(other.pack) || one.offset - other.offset || one.length - other.length;
  }
});

describe("RunQueue", () => {
  function table(name: string, sizes: readonly number[]): BlockTable {
    const size = sizes.reduce((sum, one) => sum + one, 0);
    const index = { pack: "a", offset: 0, length: 1, size: 0, sha256: DIGEST };
    const entry: ManifestBlockTable = {
      schema: "s",
      name,
      columns: [],
      rows: 1,
      size,
      index,
      fingerprints: null,
    };
    const ranges = sizes.map((bytes, place) => ({ from: place, block: block("a", place, 1, bytes) }));
    return { table: entry, ranges: BlockList.of(ranges) };
  }

  test("gives the largest table first, a table to each worker, and shares the last", () => {
    const queue = new RunQueue(
      [
        table("small", [MIB]),
        table(
          "large",
          Array.from({ length: 16 }, () => 16 * MIB),
        ),
        table("middle", [30 * MIB, 30 * MIB]),
      ],
      2,
    );
    const [one, other] = [queue.join(), queue.join()];
    const taken: string[] = [];
    for (const taker of [one, other, one, other, one, other, one, other]) {
      const run = taker.next();
      taken.push(run === undefined ? "-" : `${run.table.name} ${run.from}`);
    }
    expect(taken).toEqual([
      "large 0",
      "middle 0",
      "large 2",
      "middle 1",
      "large 4",
      "small 0",
      "large 6",
      "large 8",
    ]);
  });

  test("gives every block once", () => {
    const queue = new RunQueue([table("a", [40 * MIB, 1, 2]), table("b", []), table("c", [5])], 3);
    const takers = [queue.join(), queue.join(), queue.join()];
    const runs = takers.flatMap((taker) => [taker.next(), taker.next(), taker.next()]);
    const sizes = runs.flatMap((run) => [...(run?.ranges ?? [])].map(({ block: stored }) => stored?.size));
    expect(sizes.toSorted((left = 0, right = 0) => left - right)).toEqual([1, 2, 5, 40 * MIB]);
  });

  test("says what is in a run, and begins it where there are rows", () => {
    const { table: entry } = table("a", [30 * MIB, 30 * MIB]);
    const ranges = BlockList.of([
      { from: 0, block: undefined },
      { from: 1, block: { ...block("a", 0, 1, 30 * MIB), rows: 3 } },
      { from: 2, block: undefined },
      { from: 3, block: { ...block("a", 1, 1, 20 * MIB), rows: 4 } },
      { from: 4, block: { ...block("a", 2, 1, MIB), rows: 5 } },
      { from: 5, block: undefined },
    ]);
    const taker = new RunQueue([{ table: entry, ranges }], 1).join();
    const runs = [taker.next(), taker.next(), taker.next()];
    expect(runs.map((run) => run && [run.from, run.rows, run.size])).toEqual([
      [1, 3, 30 * MIB],
      [3, 9, 21 * MIB],
      undefined,
    ]);
  });
});

describe("withoutEndMark", () => {
  async function pass(chunks: readonly string[]): Promise<string> {
    const passed: Uint8Array[] = [];
    const source = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })();
    for await (const chunk of withoutEndMark(source, "public.notes")) passed.push(chunk);
    return Buffer.concat(passed).toString();
  }

  test.for([[[]], [["1\ta\n", "2\tb\n"]], [["\\\\.\n"]], [["a\\.\n"]], [["a\n", "b", "\\.\n"]]])(
    "passes %j",
    async ([chunks]) => {
      expect(await pass(chunks ?? [])).toBe((chunks ?? []).join(""));
    },
  );

  test.for([
    [["\\.\n\\! id\n"]],
    [["1\n\\.\n"]],
    [["1\n", "\\.\n"]],
    [["1\n\\", ".\n"]],
    [["1", "\n", "\\", "."]],
  ])("refuses %j", async ([chunks]) => {
    await expect(pass(chunks ?? [])).rejects.toMatchObject({ exit: "corrupt" });
  });
});
