import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chooseRangeLength,
  nextRanges,
  planSegments,
  rangesOf,
  WANTED_BLOCK_SIZE,
  type Range,
  type RangeLength,
  type Segment,
} from "../../../../src/backup/blocks/ranges.ts";
import { BlockList } from "../../../../src/repository/blocks/block-list.ts";
import { formatPosition, tuplePosition } from "../../../../src/repository/blocks/tuple-position.ts";

const DIGEST = "ab".repeat(32);
const KIB = 1024;
const MIB = 1024 * KIB;

/** A base's ranges: the first page, or page and item, and the bytes of each; 0 for an empty one. */
function base(
  ...ranges: [from: number | [page: number, item: number], size: number, rows?: number][]
): BlockList {
  const known = ranges.map(([from, size, rows = 100]) => ({
    from: typeof from === "number" ? tuplePosition(from) : tuplePosition(...from),
    block:
      size === 0
        ? undefined
        : { rows, size, sha256: DIGEST, frame: { pack: "", offset: 0, length: 1 }, base: undefined },
  }));
  return BlockList.of(known);
}

/** `0,0-32,0 32,0-` for each segment; with a star where the ranges are to be found. */
function written(segments: readonly Segment[]): string[] {
  return segments.map((segment) => {
    const ranges = segment.starts === undefined ? [segment] : allRanges(segment);
    const text = ranges.map(
      ({ from, to }) => `${formatPosition(from)}-${to === undefined ? "" : formatPosition(to)}`,
    );
    return `${segment.starts === undefined ? "*" : ""}${text.join(" ")}`;
  });
}

/** As a table is read: some at a time. */
function allRanges(segment: Segment): Range[] {
  const ranges: Range[] = [];
  for (let first = 0; first < (segment.starts?.length ?? 0); first += 2) {
    ranges.push(...rangesOf(segment, first, 2));
  }
  return ranges;
}

describe("planSegments", () => {
  test.for<
    [what: string, table: { pages: number; size: number }, base: BlockList | undefined, expected: string[]]
  >([
    ["an empty table", { pages: 0, size: 0 }, undefined, ["*0,0-"]],
    ["a new table", { pages: 100, size: MIB }, undefined, ["*0,0-"]],
    [
      "a large new table, in pieces",
      { pages: 10_000, size: 80 * MIB },
      undefined,
      ["*0,0-4096,0", "*4096,0-8192,0", "*8192,0-"],
    ],
    [
      "one of long rows, in shorter pieces",
      { pages: 10, size: 320 * MIB },
      undefined,
      ["*0,0-2,0", "*2,0-4,0", "*4,0-6,0", "*6,0-8,0", "*8,0-"],
    ],
    [
      "one that stands still keeps its ranges",
      { pages: 80, size: MIB },
      base([0, 256 * KIB], [32, 256 * KIB], [64, 128 * KIB]),
      ["0,0-32,0 32,0-64,0", "64,0-"],
    ],
    [
      "one that grew is read anew from the last range on",
      { pages: 300, size: 3 * MIB },
      base([0, 256 * KIB], [32, 256 * KIB], [64, 128 * KIB], [80, 500 * KIB]),
      ["0,0-32,0 32,0-64,0 64,0-80,0", "*80,0-"],
    ],
    [
      "one that shrank has its end in a range that had one",
      { pages: 40, size: MIB },
      base([0, 256 * KIB], [32, 256 * KIB], [64, 128 * KIB]),
      ["0,0-32,0", "32,0-"],
    ],
    ["one that was emptied", { pages: 0, size: 0 }, base([0, 256 * KIB], [32, 256 * KIB]), ["0,0-"]],
    [
      "a range whose text grew beyond measure is cut, between pages",
      { pages: 80, size: MIB },
      base([0, 256 * KIB], [32, 1100 * KIB], [64, 128 * KIB]),
      ["0,0-32,0 32,0-39,0 39,0-46,0 46,0-53,0 53,0-60,0 60,0-64,0", "64,0-"],
    ],
    [
      "and inside of one where it has few",
      { pages: 80, size: MIB },
      base([0, 256 * KIB], [32, 1100 * KIB], [33, 128 * KIB]),
      ["0,0-32,0 32,0-32,59 32,59-32,118 32,118-32,177 32,177-32,236 32,236-33,0", "*33,0-"],
    ],
    [
      "but a row is not cut",
      { pages: 80, size: 50 * MIB },
      base([0, 256 * KIB], [[32, 0], 20 * MIB, 1], [[32, 2], 20 * MIB, 1], [33, 128 * KIB]),
      ["0,0-32,0 32,0-32,2 32,2-33,0", "*33,0-"],
    ],
  ])("%s", ([, table, known, expected]) => {
    expect(written(planSegments(table, known))).toEqual(expected);
  });

  test("covers every position once, whatever the base was", () => {
    const positions = fc.tuple(fc.nat(300), fc.nat(20)).map(([page, item]) => tuplePosition(page, item));
    const bases = fc
      .uniqueArray(positions, { maxLength: 40 })
      .chain((starts) =>
        fc.tuple(
          fc.constant([...new Set([0, ...starts])].toSorted((one, other) => one - other)),
          fc.array(fc.integer({ min: 0, max: 3 * MIB }), { minLength: 41, maxLength: 41 }),
          fc.integer({ min: 1, max: 300 }),
        ),
      )
      .map(([starts, sizes, rows]) =>
        base(
          ...starts.map((from, index): [[number, number], number, number] => [
            [Math.floor(from / 65536), from % 65536],
            sizes[index] ?? 0,
            rows,
          ]),
        ),
      );
    fc.assert(
      fc.property(bases, fc.nat(400), fc.nat(50 * MIB), (known, pages, size) => {
        const segments = planSegments({ pages, size }, known);
        expectWhole(segments);
        for (const segment of segments) {
          if (segment.starts === undefined) continue;
          expectChained(allRanges(segment), segment);
        }
      }),
    );
  });
});

/** From the first position to the table's open end, without a gap. */
function expectWhole(ranges: readonly { from: number; to: number | undefined }[]): void {
  expectChained(ranges, { from: 0, to: undefined });
}

function expectChained(
  ranges: readonly { from: number; to: number | undefined }[],
  whole: { from: number; to: number | undefined },
): void {
  expect(ranges[0]?.from).toBe(whole.from);
  for (const [index, { from, to }] of ranges.entries()) {
    const next = ranges[index + 1]?.from ?? whole.to;
    expect(to).toBe(next);
    expect(to ?? Infinity).toBeGreaterThan(from);
  }
}

describe("chooseRangeLength", () => {
  test.for<
    [
      what: string,
      seen: [pages: number, size: number, rows: number],
      previous: RangeLength,
      expected: RangeLength,
    ]
  >([
    ["nothing seen", [0, 0, 0], { pages: 64 }, { pages: 256 }],
    ["as much text as pages", [64, 64 * 8 * KIB, 6400], { pages: 64 }, { pages: 32 }],
    ["a little more text gives the same", [64, 64 * 8.9 * KIB, 6400], { pages: 32 }, { pages: 24 }],
    ["and a little less", [64, 64 * 8.1 * KIB, 6400], { pages: 32 }, { pages: 24 }],
    ["at most four times the one before", [64, 64 * KIB, 640], { pages: 16 }, { pages: 64 }],
    ["never more than 4096 pages", [64, 1, 1], { pages: 4096 }, { pages: 4096 }],
    ["a page at least", [10, 10 * 300 * KIB, 600], { pages: 1 }, { pages: 1 }],
    ["items where a page has several blocks", [10, 10 * 2 * MIB, 600], { pages: 1 }, { items: 7, most: 90 }],
    ["an item at least", [10, 10 * 1200 * MIB, 600], { pages: 1 }, { items: 1, most: 90 }],
    ["a page where a row fills it", [10, 10 * 20 * MIB, 10], { pages: 1 }, { pages: 1 }],
  ])("%s", ([, [pages, size, rows], previous, expected]) => {
    expect(chooseRangeLength({ pages, size, rows, isGuess: false }, previous)).toEqual(expected);
  });

  test("comes to half of what is wanted at least, and to no more", () => {
    const sizes = fc.integer({ min: 64, max: 400 * KIB });
    fc.assert(
      fc.property(sizes, (perPage) => {
        const length = chooseRangeLength(
          { pages: 64, size: 64 * perPage, rows: 64, isGuess: false },
          { pages: 4096 },
        );
        const bytes = "pages" in length ? length.pages * perPage : 0;
        // A page is never cut for a little more than is wanted.
        const most = Math.max(WANTED_BLOCK_SIZE, perPage);
        expect(bytes).toBeLessThanOrEqual(most);
        expect(bytes).toBeGreaterThan(WANTED_BLOCK_SIZE / 2);
      }),
    );
  });
});

describe("nextRanges", () => {
  test("reaches the end of a segment step by step, without a gap", () => {
    const lengths = fc.oneof(
      fc.record({ pages: fc.integer({ min: 1, max: 5000 }) }),
      fc.record({ items: fc.integer({ min: 1, max: 100 }), most: fc.integer({ min: 1, max: 291 }) }),
    );
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        fc.array(lengths, { minLength: 1, maxLength: 8 }),
        (first, length, isOpen, choices) => {
          const segment = {
            from: tuplePosition(first),
            to: isOpen ? undefined : tuplePosition(first + length),
          };
          const ranges = [];
          let from: number | undefined = segment.from;
          for (let step = 0; from !== undefined; step += 1) {
            const chosen = choices[step % choices.length] ?? { pages: 1 };
            const next = nextRanges(segment, { from, length: chosen, count: 16, pages: first + length });
            expect(next.length).toBeGreaterThan(0);
            ranges.push(...next);
            const end: number | undefined = next.at(-1)?.to;
            from = end === segment.to ? undefined : end;
          }
          expectChained(ranges, segment);
        },
      ),
    );
  });

  test("leaves no rest that is short", () => {
    const segment = { from: 0, to: tuplePosition(70) };
    const ranges = nextRanges(segment, { from: 0, length: { pages: 32 }, count: 16, pages: 70 });
    expect(ranges.map(({ to }) => to)).toEqual([tuplePosition(32), tuplePosition(70)]);
  });
});
