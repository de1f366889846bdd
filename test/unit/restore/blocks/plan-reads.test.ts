import { describe, expect, test } from "vitest";
import type { ManifestBlockTable } from "../../../../src/repository/manifest.ts";
import type { BlockTable } from "../../../../src/repository/blocks/read-indexes.ts";
import { planReads, type PlacedBlock } from "../../../../src/restore/blocks/plan-reads.ts";
import { RecentTexts } from "../../../../src/restore/blocks/recent-texts.ts";
import { RunQueue } from "../../../../src/restore/blocks/run-queue.ts";
import { withoutEndMark } from "../../../../src/restore/export.ts";

const MIB = 1024 * 1024;
const DIGEST = "a".repeat(64);

function block(pack: string, offset: number, length: number, size = 1000): PlacedBlock {
  return { from: 0, rows: 1, size, sha256: DIGEST, frame: { pack, offset, length }, base: undefined };
}

describe("planReads", () => {
  test.for<[string, PlacedBlock[], [string, number, number][]]>([
    ["nothing", [], []],
    ["neighbours are one request", [block("a", 0, 10), block("a", 10, 5)], [["a", 0, 15]]],
    [
      "a gap is not read over",
      [block("a", 0, 10), block("a", 11, 5)],
      [
        ["a", 0, 10],
        ["a", 11, 16],
      ],
    ],
    [
      "what stands before comes later",
      [block("a", 10, 5), block("a", 0, 10)],
      [
        ["a", 10, 15],
        ["a", 0, 10],
      ],
    ],
    [
      "another pack",
      [block("a", 0, 10), block("b", 10, 5)],
      [
        ["a", 0, 10],
        ["b", 10, 15],
      ],
    ],
    [
      "not longer than allowed",
      [block("a", 0, 60), block("a", 60, 41)],
      [
        ["a", 0, 60],
        ["a", 60, 101],
      ],
    ],
    ["as long as allowed", [block("a", 0, 60), block("a", 60, 40)], [["a", 0, 100]]],
    ["a frame that is longer by itself", [block("a", 0, 500)], [["a", 0, 500]]],
    [
      "a large block is alone",
      [block("a", 0, 10), block("a", 10, 5, 9 * MIB), block("a", 15, 5)],
      [
        ["a", 0, 10],
        ["a", 10, 15],
        ["a", 15, 20],
      ],
    ],
  ])("%s", ([, blocks, expected]) => {
    const reads = planReads(blocks, 100);
    expect(reads.map(({ pack, start, end }) => [pack, start, end])).toEqual(expected);
    expect(reads.flatMap((read) => read.blocks)).toEqual(blocks);
  });
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
    return { table: entry, ranges };
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
      taken.push(run === undefined ? "-" : `${run.table.name} ${run.blocks[0]?.from}`);
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
    const sizes = runs.flatMap((run) => run?.blocks.map(({ size }) => size) ?? []);
    expect(sizes.toSorted((left, right) => left - right)).toEqual([1, 2, 5, 40 * MIB]);
  });
});

test("RecentTexts forgets what was not used for longest", () => {
  const texts = new RecentTexts(10);
  texts.add("a", Buffer.alloc(4));
  texts.add("b", Buffer.alloc(4));
  texts.get("a");
  texts.add("c", Buffer.alloc(4));
  texts.add("too large", Buffer.alloc(11));
  const kept = ["a", "b", "c", "too large"].filter((name) => texts.get(name) !== undefined);
  expect(kept).toEqual(["a", "c"]);
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
