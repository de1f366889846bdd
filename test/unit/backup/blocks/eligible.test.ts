import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chooseBlockTables,
  DEFAULT_BLOCK_THRESHOLD,
  type ServerKind,
  type TableFacts,
} from "../../../../src/backup/blocks/eligible.ts";

const MEGABYTE = 1024 * 1024;

const ORDERS: TableFacts = {
  oid: 16_385,
  schema: "public",
  name: "orders",
  kind: "r",
  persistence: "p",
  accessMethod: "heap",
  isExtensions: false,
  isReadable: true,
  size: 100 * MEGABYTE,
  pages: 12_800,
  columns: ["id", "note"],
};
const SERVER: ServerKind = { serverVersionNumber: 150_020, encoding: "UTF8" };

function namesOf(tables: readonly { name: string }[]): string[] {
  return tables.map(({ name }) => name);
}

describe("chooseBlockTables", () => {
  test("tells what reading a table needs", () => {
    expect(chooseBlockTables([ORDERS], SERVER)).toEqual([
      {
        oid: 16_385,
        schema: "public",
        name: "orders",
        columns: ["id", "note"],
        pages: 12_800,
        size: 100 * MEGABYTE,
      },
    ]);
  });

  test.for<{ what: string; facts: Partial<TableFacts> }>([
    { what: "a partitioned table", facts: { kind: "p", accessMethod: "" } },
    { what: "a view", facts: { kind: "v", accessMethod: "" } },
    { what: "a materialized view", facts: { kind: "m" } },
    { what: "a foreign table", facts: { kind: "f", accessMethod: "" } },
    { what: "a TOAST table", facts: { kind: "t" } },
    { what: "an unlogged table", facts: { persistence: "u" } },
    { what: "a temporary table", facts: { persistence: "t" } },
    { what: "a table of another access method", facts: { accessMethod: "columnar" } },
    { what: "a table without any access method", facts: { accessMethod: "" } },
    { what: "an extension's table", facts: { isExtensions: true } },
    { what: "a table that our role may not read", facts: { isReadable: false } },
    { what: "a table without columns that are dumped", facts: { columns: [] } },
    { what: "a table below the threshold", facts: { size: DEFAULT_BLOCK_THRESHOLD - 1 } },
  ])("leaves $what to pg_dump", ({ facts }) => {
    const other = { ...ORDERS, ...facts, oid: 2, name: "other" };
    expect(namesOf(chooseBlockTables([other, ORDERS], SERVER))).toEqual(["orders"]);
  });

  test.for<{ what: string; facts: Partial<TableFacts> }>([
    { what: "at the threshold", facts: { size: DEFAULT_BLOCK_THRESHOLD } },
    { what: "with one column", facts: { columns: ["id"] } },
    { what: "that has shrunk to no pages since the snapshot", facts: { pages: 0 } },
  ])("takes a table $what", ({ facts }) => {
    expect(chooseBlockTables([{ ...ORDERS, ...facts }], SERVER)).toHaveLength(1);
  });

  test.for<ServerKind & { chosen: number }>([
    { serverVersionNumber: 120_022, encoding: "UTF8", chosen: 0 },
    { serverVersionNumber: 130_099, encoding: "UTF8", chosen: 0 },
    { serverVersionNumber: 140_000, encoding: "UTF8", chosen: 1 },
    { serverVersionNumber: 180_001, encoding: "UTF8", chosen: 1 },
    { serverVersionNumber: 150_020, encoding: "LATIN1", chosen: 0 },
    { serverVersionNumber: 150_020, encoding: "SQL_ASCII", chosen: 0 },
  ])("takes $chosen of one table of server $serverVersionNumber with $encoding", ({ chosen, ...server }) => {
    expect(chooseBlockTables([ORDERS], server)).toHaveLength(chosen);
  });

  test("puts the largest first, and takes a threshold of one's own", () => {
    const sizes = [5, 900, 20, 17].map((size, index) => ({ ...ORDERS, oid: index, name: `${size}`, size }));
    expect(namesOf(chooseBlockTables(sizes, SERVER, 17))).toEqual(["900", "20", "17"]);
  });

  test("leaves the smallest to pg_dump where they are more than it can be told", () => {
    const tables = Array.from({ length: 5_000 }, (_, index) => ({
      ...ORDERS,
      oid: index,
      name: `${index}`.padStart(60, "_"),
      size: ((index * 7_919) % 5_000) + DEFAULT_BLOCK_THRESHOLD,
    }));
    const chosen = chooseBlockTables(tables, SERVER);
    expect(chosen.length).toBeGreaterThan(2_000);
    expect(chosen.length).toBeLessThan(5_000);
    const left = tables.filter(({ oid }) => !chosen.some((table) => table.oid === oid));
    expect(Math.min(...chosen.map(({ size }) => size))).toBeGreaterThan(
      Math.max(...left.map(({ size }) => size)),
    );
  });

  const anyFacts = fc.record<TableFacts>({
    oid: fc.nat(),
    schema: fc.constantFrom("public", "Odd"),
    name: fc.string({ minLength: 1, maxLength: 20 }),
    kind: fc.constantFrom("r", "r", "r", "p", "v", "m", "f"),
    persistence: fc.constantFrom("p", "p", "p", "u", "t"),
    accessMethod: fc.constantFrom("heap", "heap", "heap", "columnar", ""),
    isExtensions: fc.constantFrom(false, false, true),
    isReadable: fc.constantFrom(true, true, false),
    size: fc.nat(40 * MEGABYTE),
    pages: fc.nat(5_000),
    columns: fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }),
  });

  test("takes none but ordinary tables, each as it is, whatever comes beside it", () => {
    fc.assert(
      fc.property(fc.array(anyFacts), fc.nat(30 * MEGABYTE), (tables, threshold) => {
        const chosen = chooseBlockTables(tables, SERVER, threshold);
        // One by one the decision is the same: a table's neighbours are nothing to it.
        const alone = tables.flatMap((table) => chooseBlockTables([table], SERVER, threshold));
        expect(chosen).toEqual(alone.sort((left, right) => right.size - left.size));
        for (const { oid, ...table } of chosen) {
          const facts = tables.filter((one) => one.oid === oid);
          expect(facts).toContainEqual(expect.objectContaining({ ...table, kind: "r", persistence: "p" }));
          expect(table.size).toBeGreaterThanOrEqual(threshold);
          expect(table.columns).not.toEqual([]);
        }
      }),
    );
  });
});
