import { describe, expect, test } from "vitest";
import { parseRowsEntries, requireContents, type KnownTable } from "../../../src/backup/contents-check.ts";

describe("parseRowsEntries", () => {
  test("finds the tables whose rows are in the archive, and nothing else", () => {
    const listing = `;
; Archive created at 2026-11-21 04:00:00 UTC
;     dbname: 1; 0 1 TABLE DATA shop
;
; Selected TOC Entries:
;
215; 1259 16385 TABLE public orders app
3370; 0 16385 TABLE DATA public orders app
3371; 0 4294967295 TABLE DATA odd  12; 0 16999 TABLE DATA x app
3372; 0 16391 MATERIALIZED VIEW DATA public totals app
3373; 0 16395 SEQUENCE SET public orders_id_seq app
3374; 0 16385 STATISTICS DATA public orders app
3375; 2613 16401 BLOB - 16401 app
216; 1259 16402 TABLE public TABLE DATA app
217; 1259 16403 TABLE DATA a_table_in_a_schema_named_DATA app
`;
    expect(parseRowsEntries(listing)).toEqual(new Set([16_385, 4_294_967_295]));
  });

  test("takes no character but a newline for a line's end", () => {
    const name = ["\u2028", "\u0085", "\f", "\v"]
      .map((end) => `${end}7; 0 16999 TABLE DATA public x`)
      .join("");
    expect(parseRowsEntries(`1; 0 16385 TABLE DATA public ${name} app\n`)).toEqual(new Set([16_385]));
  });
});

describe("requireContents", () => {
  const table = (oid: number, name: string): KnownTable => ({ oid, schema: "public", name });
  const orders = table(1, "orders");
  const notes = table(2, "notes");

  test.for([
    { what: "all in the archive", archived: [1, 2], tables: [orders, notes], blockTables: [] },
    { what: "one as blocks", archived: [2], tables: [orders, notes], blockTables: [orders] },
    { what: "all as blocks", archived: [], tables: [orders, notes], blockTables: [orders, notes] },
    { what: "rows of a table that nobody counts", archived: [1, 3], tables: [orders], blockTables: [] },
    { what: "no tables", archived: [], tables: [], blockTables: [] },
  ])("is content with $what", ({ archived, tables, blockTables }) => {
    expect(() => requireContents(new Set(archived), { tables, blockTables })).not.toThrow();
  });

  test.for([
    {
      what: "rows that are stored twice",
      archived: [1, 2],
      blockTables: [orders],
      message: "pg_dump wrote the rows of public.orders although they are stored as blocks",
    },
    {
      what: "rows that are stored nowhere",
      archived: [],
      blockTables: [orders],
      message: "pg_dump left out the rows of public.notes",
    },
    {
      what: "rows that an archive without blocks lacks",
      archived: [2],
      blockTables: [],
      message: "pg_dump left out the rows of public.orders",
    },
  ])("refuses $what", ({ archived, blockTables, message }) => {
    const check = (): void => requireContents(new Set(archived), { tables: [orders, notes], blockTables });
    expect(check).toThrow(expect.objectContaining({ exit: "failed", message }));
  });
});
