import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DocumentTable } from "../../../src/reindex/document-table.ts";
import { restoreEntries, serializeEntries, settledBits } from "../../../src/reindex/saved-entries.ts";

/** A scan that sees rows: the id of the document that each belongs to, and the row's own number. */
function scan(table: DocumentTable, rows: readonly (readonly [id: string, version: number])[]): void {
  table.beginScan();
  for (const [id, version] of rows) {
    const bytes = Buffer.from(`..${id}..`);
    table.seeRow(table.add(bytes, 2, bytes.byteLength - 2), version, 0);
  }
  table.endScan();
}

function pending(table: DocumentTable): string[] {
  return [...table.pending()].map((entry) => table.id(entry)).toSorted();
}

function settleAll(table: DocumentTable): void {
  for (const entry of table.pending()) {
    if (table.isSeen(entry)) {
      table.markSent(entry);
      table.settle(entry, 1);
    } else table.settleGone(entry, 1);
  }
}

describe("DocumentTable", () => {
  test("holds what is new, changed or gone to be pending, and nothing else", () => {
    const table = new DocumentTable();
    scan(table, [
      ["1", 100],
      ["2", 100],
      ["3", 100],
    ]);
    expect(pending(table)).toEqual(["1", "2", "3"]);
    settleAll(table);
    scan(table, [
      ["1", 100],
      ["2", 200],
      ["4", 50],
    ]);
    expect(pending(table)).toEqual(["2", "3", "4"]);
    settleAll(table);
    scan(table, [
      ["4", 50],
      ["2", 200],
      ["1", 100],
    ]);
    expect(pending(table)).toEqual([]);
  });

  test("agrees with a map of sets, whatever is scanned", () => {
    const row = fc.tuple(
      fc.constantFrom("", "7", "77", "ü", "x".repeat(600)),
      fc.integer({ min: 1, max: 5 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(row, { maxLength: 12 }), { minLength: 1, maxLength: 6 }), (scans) => {
        const table = new DocumentTable();
        let before = new Map<string, string>();
        for (const rows of scans) {
          scan(table, rows);
          const now = new Map(
            Object.entries(Object.groupBy(rows, ([id]) => id)).map(([id, own = []]) => [
              id,
              own
                .map(([, version]) => version)
                .toSorted((left, right) => left - right)
                .join(" "),
            ]),
          );
          const expected = [...new Set([...before.keys(), ...now.keys()])].filter(
            (id) => before.get(id) !== now.get(id),
          );
          expect(pending(table)).toEqual(expected.toSorted());
          settleAll(table);
          before = now;
        }
      }),
    );
  });

  test("finds each of a hundred thousand ids", () => {
    const table = new DocumentTable();
    const ids = Array.from({ length: 100_000 }, (_, index) => String(index * 7919));
    scan(
      table,
      ids.map((id) => [id, 1] as const),
    );
    expect(table.length).toBe(ids.length);
    const found = ids.map((id) => {
      const bytes = Buffer.from(id);
      return table.find(bytes, 0, bytes.byteLength);
    });
    expect(found).toEqual([...ids.keys()]);
    expect(table.find(Buffer.from("1"), 0, 1)).toBeUndefined();
  });

  test("says that a refused document is not settled, until it changes", () => {
    const table = new DocumentTable();
    scan(table, [["1", 1]]);
    table.refuse(0);
    expect([table.isPending(0), table.isSettled(0)]).toEqual([false, false]);
    scan(table, [["1", 2]]);
    expect(table.isPending(0)).toBe(true);
  });
});

describe("saved entries", () => {
  /** What another run knows from what was saved when `first` was settled, and of what was settled later. */
  function resume(table: DocumentTable, saved: Buffer): DocumentTable {
    const resumed = new DocumentTable();
    restoreEntries(resumed, saved, settledBits(table), 7);
    return resumed;
  }

  test("are settled for the next run as long as they are as they were saved", () => {
    const table = new DocumentTable();
    scan(table, [
      ["stays", 1],
      ["changes back", 1],
      ["goes and comes", 1],
      ["never sent", 1],
    ]);
    const saved = serializeEntries(table, 0, table.length);
    table.markSaved(0);
    for (const entry of [0, 1, 2]) table.settle(entry, 1);
    expect(pending(resume(table, saved))).toEqual(["never sent"]);
    scan(table, [
      ["stays", 1],
      ["changes back", 2],
      ["never sent", 1],
    ]);
    for (const entry of [1, 2]) table.settle(entry, 2);
    const resumed = resume(table, saved);
    // The state that was saved is there again, and in the index is the one between.
    scan(resumed, [
      ["stays", 1],
      ["changes back", 1],
      ["goes and comes", 1],
      ["never sent", 1],
    ]);
    expect(pending(resumed)).toEqual(["changes back", "goes and comes", "never sent"]);
    expect(resumed.version(0)).toBe(7);
  });

  test("are deleted where they may be in the index and are gone", () => {
    const table = new DocumentTable();
    scan(table, [["1", 1]]);
    const resumed = resume(table, serializeEntries(table, 0, 1));
    scan(resumed, []);
    expect([pending(resumed), resumed.isIndexed(0)]).toEqual([["1"], true]);
  });

  test("are no entries where they are cut", () => {
    const table = new DocumentTable();
    scan(table, [["some id", 1]]);
    const saved = serializeEntries(table, 0, 1);
    for (let length = 1; length < saved.byteLength; length++) {
      expect(() =>
        restoreEntries(new DocumentTable(), saved.subarray(0, length), new Uint8Array(1), 1),
      ).toThrow(RangeError);
    }
  });
});
