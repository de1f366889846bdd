import { hash } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import {
  checkContents,
  parseRowsEntries,
  requireContents,
  type ExpectedContents,
  type KnownTable,
} from "../../../src/backup/contents-check.ts";
import { spawnTool } from "../../../src/postgres/tools.ts";
import { fakePrograms } from "../../support/fake-program.ts";

const table = (oid: number, name: string): KnownTable => ({ oid, schema: "public", name });
const orders = table(1, "orders");
const notes = table(2, "notes");

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

describe("checkContents", () => {
  const LISTING = "echo '3370; 0 1 TABLE DATA public orders app'";
  const CHUNKS = Array.from({ length: 100 }, (_, index) => Buffer.alloc(50_000, index));

  /** Passes bytes by a `pg_restore` that is a shell script. */
  async function pass(
    script: string,
    options: { source?: Iterable<Uint8Array>; signal?: AbortSignal; expected?: ExpectedContents } = {},
  ): Promise<Buffer> {
    await using programs = await fakePrograms("15.20", { pg_restore: script });
    const lister = spawnTool({ program: "pg_restore", directory: programs.directory }, ["--list"], {
      stdin: "pipe",
      signal: options.signal,
    });
    const expected = options.expected ?? { tables: [orders], blockTables: [] };
    const passed: Uint8Array[] = [];
    const source = Readable.from(options.source ?? CHUNKS);
    for await (const chunk of checkContents(source, lister, expected)) passed.push(chunk);
    expect((await lister.exited).code).toBe(0);
    return Buffer.concat(passed);
  }

  test.for([
    ["reads only the head", `head -c 10 >/dev/null\n${LISTING}`],
    ["reads all of it", `cat >/dev/null\n${LISTING}`],
    ["reads nothing", LISTING],
    ["closes its input before it answers", `exec <&-\nsleep 0.2\n${LISTING}`],
  ] as const)("passes every byte on where the lister %s", async ([, script]) => {
    const passed = await pass(script);
    expect(hash("sha256", passed)).toBe(hash("sha256", Buffer.concat(CHUNKS)));
  });

  test("passes on an archive that is shorter than a pipe", async () => {
    const passed = await pass(`cat >/dev/null\n${LISTING}`, { source: [Buffer.from("PGDMP")] });
    expect(passed.toString()).toBe("PGDMP");
  });

  test("does not let the end through before the answer is there", async () => {
    const expected = { tables: [orders, notes], blockTables: [] };
    await expect(pass(`cat >/dev/null\nsleep 0.2\n${LISTING}`, { expected })).rejects.toMatchObject({
      exit: "failed",
      message: "pg_dump left out the rows of public.notes",
    });
  });

  test.for([
    ["cannot read it", "echo 'pg_restore: error: unsupported version (1.99) in file header' >&2; exit 1"],
    [
      "listed it and then failed",
      `${LISTING}\necho 'pg_restore: error: unsupported version (1.99)' >&2; exit 1`,
    ],
  ] as const)("takes an archive for corrupt where the lister %s", async ([, script]) => {
    await expect(pass(script)).rejects.toMatchObject({
      exit: "corrupt",
      message: expect.stringMatching(/^the archive cannot be read back: .*unsupported version \(1\.99\)/),
    });
  });

  test("fails with the source's own error, and ends the lister", async () => {
    const failure = new Error("pg_dump failed");
    function* failing(): Generator<Uint8Array, void, void> {
      yield Buffer.from("PGDMP");
      throw failure;
    }
    await expect(pass("cat >/dev/null", { source: failing() })).rejects.toBe(failure);
  });

  test("fails with the signal's reason when it is aborted", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    function* aborting(): Generator<Uint8Array, void, void> {
      yield Buffer.from("PGDMP");
      controller.abort(reason);
      yield Buffer.from("more");
    }
    const { signal } = controller;
    await expect(pass("cat >/dev/null", { source: aborting(), signal })).rejects.toBe(reason);
  });
});
