import fc from "fast-check";
import { expect, test } from "vitest";
import { ArchiveRowsReader, type ArchivedRows } from "../../../../src/restore/verify/archive-rows.ts";
import { RowDigest } from "../../../../src/restore/verify/row-digest.ts";

const PRINTED = String.raw`--
-- PostgreSQL database dump
--

\restrict h7Xk

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.orders (id, "order", "a ""b"", c") FROM stdin;
1	COPY public.fake (id) FROM stdin;	\\.
2	\N	\\.x
\.


COPY public."two
lines"  FROM stdin;


\.


COPY "Odd (one)".empty (id) FROM stdin;
\.


\unrestrict h7Xk
`;

const ROWS = ["1\tCOPY public.fake (id) FROM stdin;\t\\\\.\n2\t\\N\t\\\\.x\n", "\n\n", ""];

function read(text: string, cuts: readonly number[] = []): ArchivedRows[] {
  const bytes = Buffer.from(text);
  const reader = new ArchiveRowsReader();
  let start = 0;
  for (const cut of [...cuts.map((place) => place % (bytes.byteLength + 1)), bytes.byteLength].sort(
    (a, b) => a - b,
  )) {
    reader.push(bytes.subarray(start, cut));
    start = cut;
  }
  reader.end();
  return reader.tables;
}

test("tables, their columns and their rows, wherever the text is cut", () => {
  const expected = ROWS.map((text) => {
    const digest = new RowDigest();
    digest.add(Buffer.from(text));
    return digest;
  });
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 30 }), (cuts) => {
      const tables = read(PRINTED, cuts);
      expect(tables.map(({ schema, name, columns, digest }) => [schema, name, columns, digest.rows])).toEqual(
        [
          ["public", "orders", ["id", "order", 'a "b", c'], 2],
          ["public", "two\nlines", [], 2],
          ["Odd (one)", "empty", ["id"], 0],
        ],
      );
      expect(tables.map(({ digest }, index) => digest.equals(expected[index] ?? new RowDigest()))).toEqual([
        true,
        true,
        true,
      ]);
    }),
  );
});

test("each byte of its own", () => {
  expect(
    read(
      PRINTED,
      Array.from({ length: PRINTED.length }, (_, place) => place),
    ),
  ).toHaveLength(3);
});

test.for([
  ["rows that do not end", "COPY public.orders (id) FROM stdin;\n1\n"],
  ["a statement that does not end", 'COPY public."orders (id) FROM stdin;\n1\n'],
  ["a statement of another kind", "COPY public.orders (id) FROM PROGRAM 'rm';\n\\.\n"],
  ["a statement behind the statement", "COPY public.orders (id) FROM stdin; DROP TABLE x;\n\\.\n"],
] as const)("%s are refused", ([, text]) => {
  expect(() => read(text)).toThrow("what pg_restore prints of the archive cannot be read");
});
