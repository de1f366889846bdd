import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contentsOf, findSuspicions, type Contents } from "../../../src/backup/suspect.ts";
import { serializeManifest, type Manifest, type ManifestTable } from "../../../src/repository/manifest.ts";
import { exampleManifest } from "../../support/manifests.ts";

const EARLIER_ID = "20261121T040000Z-k3v9qa";

interface Described {
  rows?: Record<string, number>;
  partitions?: Record<string, number>;
  rawSize?: number;
  blockSize?: number;
}

/** Tables by name, and partitions of public.events by name. */
function manifestOf({ rows = {}, partitions = {}, rawSize = 10_000, blockSize = 0 }: Described): Manifest {
  const table = ([name, count]: [string, number]): ManifestTable => ({ schema: "public", name, rows: count });
  const example = exampleManifest();
  return {
    ...example,
    archive: { ...example.archive, rawSize },
    blocks: {
      packs: [],
      tables:
        blockSize === 0
          ? []
          : [
              {
                schema: "public",
                name: "large",
                columns: ["id"],
                rows: 1,
                size: blockSize,
                index: {
                  pack: `${example.id}-1`,
                  offset: 0,
                  length: 1,
                  size: 1,
                  sha256: example.archive.sha256,
                },
                fingerprints: null,
              },
            ],
    },
    tables: [
      ...Object.entries(rows).map(table),
      ...Object.entries(partitions).map((entry) => ({
        ...table(entry),
        partitionOf: { schema: "public", name: "events" },
      })),
    ],
  };
}

function suspicions(now: Described, before: Described, volatileTables?: readonly string[]): string[] {
  return findSuspicions(contentsOf(manifestOf(now)), contentsOf(manifestOf(before)), volatileTables);
}

describe("a backup is suspect:", () => {
  test.each<[what: string, before: Described, now: Described, reasons: string[]]>([
    [
      "half of the rows are gone",
      { rows: { orders: 1_000 } },
      { rows: { orders: 500 } },
      [`500 rows in all: there were 1,000 in ${EARLIER_ID}`],
    ],
    [
      "a table is gone",
      { rows: { orders: 1_000, notes: 10 } },
      { rows: { orders: 1_000 } },
      [`public.notes is gone: it had 10 rows in ${EARLIER_ID}`],
    ],
    [
      "a table without rows is gone",
      { rows: { orders: 1_000, notes: 0 } },
      { rows: { orders: 1_000 } },
      [`public.notes is gone: it had 0 rows in ${EARLIER_ID}`],
    ],
    [
      "a table is empty that was not",
      { rows: { orders: 1_000, notes: 1 } },
      { rows: { orders: 1_000, notes: 0 } },
      [`public.notes is empty: it had 1 row in ${EARLIER_ID}`],
    ],
    [
      "the rows are there, but what was in them is not",
      { rows: { orders: 1_000 }, rawSize: 1_000_000, blockSize: 3_000_000 },
      { rows: { orders: 1_000 }, rawSize: 1_500_000, blockSize: 500_000 },
      [`2.0 MB of rows: there were 4.0 MB in ${EARLIER_ID}`],
    ],
    [
      "all partitions are gone",
      { rows: { orders: 1_000 }, partitions: { events_1: 5, events_2: 6 } },
      { rows: { orders: 1_000 } },
      [`public.events is gone: it had 11 rows in ${EARLIER_ID}`],
    ],
    [
      "all partitions are empty",
      { rows: { orders: 1_000 }, partitions: { events_1: 5, events_2: 6 } },
      { rows: { orders: 1_000 }, partitions: { events_2: 0, events_3: 0 } },
      [`public.events is empty: it had 11 rows in ${EARLIER_ID}`],
    ],
    [
      "everything is gone",
      { rows: { orders: 1_000 } },
      { rows: {}, rawSize: 1_000 },
      [
        `public.orders is gone: it had 1,000 rows in ${EARLIER_ID}`,
        `0 rows in all: there were 1,000 in ${EARLIER_ID}`,
        `1.0 kB of rows: there were 10.0 kB in ${EARLIER_ID}`,
      ],
    ],
  ])("%s", (_, before, now, reasons) => {
    expect(suspicions(now, before)).toEqual(reasons);
  });
});

describe("a backup is not suspect:", () => {
  test.each<[what: string, before: Described, now: Described]>([
    ["nothing changed", { rows: { orders: 1_000 } }, { rows: { orders: 1_000 } }],
    ["a few rows less than half are gone", { rows: { orders: 1_000 } }, { rows: { orders: 501 } }],
    ["there is more than before", { rows: { orders: 10 } }, { rows: { orders: 1_000, notes: 5 } }],
    ["a table was empty before", { rows: { orders: 10, notes: 0 } }, { rows: { orders: 10, notes: 0 } }],
    ["there was nothing before", { rows: {}, rawSize: 1_000 }, { rows: {}, rawSize: 1_000 }],
    [
      "one partition took another's place",
      { partitions: { events_1: 500, events_2: 600 } },
      { partitions: { events_2: 600, events_3: 20 } },
    ],
    [
      "a table went from the archive to blocks",
      { rows: { orders: 1_000 }, rawSize: 1_000_000 },
      { rows: { orders: 1_000 }, rawSize: 10_000, blockSize: 980_000 },
    ],
  ])("%s", (_, before, now) => {
    expect(suspicions(now, before)).toEqual([]);
  });

  test("it is the first", () => {
    expect(findSuspicions(contentsOf(manifestOf({ rows: { orders: 0 } })), undefined)).toEqual([]);
  });

  test.each(["public.jobs", "jobs"])("%s comes and goes, as the configuration says", (name) => {
    const before = { rows: { orders: 100, jobs: 5_000 } };
    expect(suspicions({ rows: { orders: 100, jobs: 0 } }, before, [name])).toEqual([]);
    expect(suspicions({ rows: { orders: 100 } }, before, [name])).toEqual([]);
    expect(suspicions({ rows: { orders: 50, jobs: 5_000 } }, before, [name])).toEqual([
      `50 rows in all: there were 100 in ${EARLIER_ID}`,
    ]);
  });
});

test("many tables are told by the ten largest and a number", () => {
  const rows = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`t${index}`, index + 1]));
  const reasons = suspicions({ rows: { other: 1_000 } }, { rows: { ...rows, other: 1_000 } });
  expect(reasons).toHaveLength(11);
  expect(reasons[0]).toBe(`public.t29 is gone: it had 30 rows in ${EARLIER_ID}`);
  expect(reasons[10]).toBe("20 more tables are gone");
});

test("whatever the names and numbers are, the reasons fit into a manifest, and move no cursor", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 1024 });
  const contents = fc
    .array(fc.record({ schema: name, name, rows: fc.nat() }), { maxLength: 40 })
    .map((tables): Contents => ({
      id: EARLIER_ID,
      size: tables.length * 100,
      tables: new Map(tables.map((table) => [JSON.stringify([table.schema, table.name]), table])),
    }));
  fc.assert(
    fc.property(contents, contents, (now, before) => {
      const suspect = findSuspicions(now, before);
      if (suspect.length > 0) serializeManifest(exampleManifest(undefined, { suspect }));
      // eslint-disable-next-line no-control-regex -- those are what is looked for
      expect(suspect.join("\n")).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F]/);
    }),
  );
});

test("the longest name there may be fits into a reason", () => {
  const name = "😀".repeat(512);
  const suspect = suspicions({}, { rows: { [name]: 1 } });
  expect(() => serializeManifest(exampleManifest(undefined, { suspect }))).not.toThrow();
  expect(suspect[0]).toContain("😀… is gone: it had 1 row");
});
