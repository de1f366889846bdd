/** The types of columns, and the values that go into them. `:schema` stands for the history's own. */
export interface ColumnKind {
  type: string;
  /** SQL of a value for the whole number `@n`. */
  value: string;
  /** SQL of the values that are hard to write as text and to read again. */
  edges: readonly string[];
  /** What ALTER TABLE can make of it, and how, from `:column`. */
  becomes?: readonly (readonly [kind: string, using: string])[];
  /** Another value whose text has as many bytes, from `:column`: the same one where there is none. */
  sameSize?: string;
}

const HEXADECIMAL = "'^[0-9a-f]{32}$'";
/** Another last digit. */
const OTHER_NUMBER =
  "CASE WHEN :column BETWEEN 10 AND 999999999 THEN :column - :column % 10 + (:column + 1) % 10 ELSE :column END";
const OTHER_DIGEST = `CASE WHEN :column ~ ${HEXADECIMAL} THEN md5(:column) ELSE :column END`;

const HARD_TEXTS = [
  "''",
  String.raw`E'\\.'`,
  String.raw`E'line\n\\.\nline'`,
  String.raw`E'\\N'`,
  String.raw`E'\t'`,
  String.raw`E'\\'`,
  String.raw`E'a\\tb\\\\'`,
  String.raw`E'\r\n\r'`,
  String.raw`E'\b\f\v\x7f'`,
  `'"'`,
  "'NULL'",
  "'👻é☃'",
  String.raw`E'\u0085\u2028\ufeff'`,
  "repeat('x', 3000)",
  "' '",
] as const;

const kinds = {
  integer: {
    sameSize: OTHER_NUMBER,
    type: "integer",
    value: "@n",
    edges: ["-2147483648", "2147483647"],
    becomes: [
      ["bigint", ":column::bigint"],
      ["text", ":column::text"],
      ["numeric", ":column::numeric"],
    ],
  },
  smallint: {
    type: "smallint",
    value: "@n % 30000",
    edges: ["-32768"],
    becomes: [["integer", ":column::integer"]],
  },
  bigint: {
    sameSize: OTHER_NUMBER,
    type: "bigint",
    value: "@n::bigint << 20",
    edges: ["-9223372036854775808", "9223372036854775807"],
  },
  boolean: { sameSize: "NOT :column", type: "boolean", value: "@n % 2 = 0", edges: [] },
  text: {
    sameSize: OTHER_DIGEST,
    type: "text",
    value: "md5(@n::text)",
    edges: HARD_TEXTS,
    becomes: [
      ["bytea", "convert_to(:column, 'UTF8')"],
      ["collated", ":column"],
      ["texts", "ARRAY[:column]"],
    ],
  },
  varchar: {
    sameSize: OTHER_DIGEST,
    type: "varchar(40)",
    value: "md5(@n::text)",
    edges: ["''", "'é'"],
    becomes: [["text", ":column"]],
  },
  char: {
    type: "char(7)",
    value: "@n % 9999999",
    edges: ["''", "'  x'"],
    becomes: [["text", ":column::text"]],
  },
  internalChar: { type: `"char"`, value: "chr((33 + @n % 90)::int)", edges: ["''", String.raw`E'\\'`] },
  name: { type: "name", value: "md5(@n::text)", edges: ["''"] },
  collated: { type: `text COLLATE :schema."as bytes"`, value: "'ä' || @n", edges: ["''"] },
  bytea: {
    sameSize: "CASE WHEN length(:column) = 32 THEN sha256(:column) ELSE :column END",
    type: "bytea",
    value: "sha256(int8send(@n))",
    edges: ["''", String.raw`'\x00ff5c0a09'`, "decode(repeat('00', 2000), 'hex')"],
  },
  numeric: {
    type: "numeric",
    value: "@n / 7.0",
    edges: [
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      "1.500",
      "-0.0",
      "1e-300",
      "1e300",
      "repeat('9', 900)::numeric",
    ],
    becomes: [["text", ":column::text"]],
  },
  real: {
    type: "real",
    value: "@n / 3.0",
    edges: ["'NaN'", "'-Infinity'", "'-0'", "1.17549435e-38", "3.4028235e38", "0.1"],
    becomes: [["double", ":column::double precision"]],
  },
  double: {
    type: "double precision",
    value: "@n / 3.0::float8",
    edges: ["'NaN'", "'Infinity'", "'-0'", "'5e-324'", "1.7976931348623157e308", "0.1::float8 + 0.2::float8"],
  },
  date: {
    type: "date",
    value: "date '2000-01-01' + (@n % 9999)::int",
    edges: ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'5874897-12-31'"],
    becomes: [["text", ":column::text"]],
  },
  timestamp: {
    type: "timestamp",
    value: "timestamp '2001-02-03 04:05:06.789' + @n * interval '1.000001 s'",
    edges: ["'infinity'", "'-infinity'", "'4713-01-01 00:00 BC'", "'294276-12-31 23:59:59.999999'"],
    becomes: [["text", ":column::text"]],
  },
  timestamptz: {
    type: "timestamptz",
    value: "timestamptz '2001-02-03 04:05:06.789+05:30' + @n * interval '1 h'",
    edges: ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00+00 BC'"],
  },
  time: { type: "time", value: "time '00:00' + @n * interval '1 s'", edges: ["'24:00'"] },
  timetz: { type: "timetz", value: "timetz '00:00+03:30' + @n * interval '1 s'", edges: ["'24:00-15:59'"] },
  interval: {
    type: "interval",
    value: "@n * interval '1.5 s'",
    edges: ["'-1 year 2 mons -3 days 04:05:06.7'", "'178000000 years'", "'0'"],
  },
  json: {
    type: "json",
    value: "json_build_object('n', @n, 'text', md5(@n::text))",
    edges: [String.raw`E'{"z" : 1,\n "a":[ ], "a":null, "u":"\\u0000\\n"}'`, "'null'", `'""'`],
  },
  jsonb: {
    type: "jsonb",
    value: "jsonb_build_object('n', @n, 'text', md5(@n::text))",
    edges: [String.raw`'{"n": 1.10, "e": 1e3, "s": "\u00e9\n\\"}'`, "'null'", "'[]'"],
  },
  uuid: {
    sameSize: "md5(:column::text)::uuid",
    type: "uuid",
    value: "md5(@n::text)::uuid",
    edges: ["'00000000-0000-0000-0000-000000000000'"],
  },
  inet: { type: "inet", value: "inet '10.0.0.0' + @n", edges: ["'::ffff:1.2.3.4/128'", "'10.1.2.3/8'"] },
  cidr: { type: "cidr", value: "'10.0.0.0/8'", edges: ["'::/0'"] },
  macaddr: { type: "macaddr", value: "'08:00:2b:01:02:03'", edges: [] },
  bit: { type: "bit(5)", value: "@n::bit(5)", edges: ["B'00000'"] },
  varbit: { type: "varbit", value: "@n::bit(20)", edges: ["B''"] },
  point: { type: "point", value: "point(@n, -@n / 3.0)", edges: ["'(1e-7,-0)'", "'(NaN,Infinity)'"] },
  polygon: { type: "polygon", value: "'((0,0),(1,1.5),(2,0))'", edges: [] },
  tsvector: {
    type: "tsvector",
    value: "to_tsvector('simple', md5(@n::text) || ' x')",
    edges: [`$$'it''s':1A,2 'a\\b'$$`, "''"],
  },
  tsquery: {
    type: "tsquery",
    value: "to_tsquery('simple', 'a' || @n)",
    edges: ["'''fat'' & !( rat:AB | cat <-> dog )'"],
  },
  range: {
    type: "int4range",
    value: "int4range(@n::int, @n::int + 5)",
    edges: ["'empty'", "'(,)'", "'[,5)'"],
  },
  multirange: { type: "datemultirange", value: "'{[2024-01-01,2024-02-01),[2025-01-01,)}'", edges: ["'{}'"] },
  integers: {
    type: "integer[]",
    value: "ARRAY[@n::int, NULL, 3]",
    edges: ["'{}'", "'[0:1][-1:0]={{1,NULL},{3,4}}'"],
  },
  texts: {
    type: "text[]",
    value: "ARRAY[md5(@n::text), NULL]",
    edges: [String.raw`ARRAY['a,b', 'c"d', '', NULL, E'\\', E'\n', 'NULL', '{}']`, "'{}'"],
    becomes: [["text", ":column::text"]],
  },
  enum: {
    type: `:schema."mood '1"`,
    value: `(enum_range(NULL:::schema."mood '1"))[1 + @n % 3]`,
    edges: [],
    becomes: [["text", ":column::text"]],
  },
  enums: { type: `:schema."mood '1"[]`, value: `enum_range(NULL:::schema."mood '1")`, edges: ["'{}'"] },
  composite: {
    type: `:schema."address ""2"`,
    value: "ROW('street ' || @n, NULL, ARRAY['a'])",
    edges: [
      String.raw`ROW(E'1 "Main", (St)\\\n', '', ARRAY['a,b', 'c"d', '', NULL])`,
      "ROW(NULL, NULL, NULL)",
    ],
  },
  composites: {
    type: `:schema."address ""2"[]`,
    value: `ARRAY[ROW('x', 'y', '{}'):::schema."address ""2", NULL]`,
    edges: ["'{}'"],
  },
  domain: { type: `:schema."positive.number"`, value: "@n % 1000 + 0.50", edges: ["99.99"] },
  money: { type: "money", value: "@n::int::money", edges: ["-12345.67"] },
  oid: { type: "oid", value: "@n", edges: ["4294967295"] },
  regclass: { type: "regclass", value: "'pg_catalog.pg_class'", edges: ["0"] },
  lsn: { type: "pg_lsn", value: "'16/B374D848'", edges: ["'0/0'"] },
  wide: {
    sameSize: "CASE WHEN :column ~ '^[0-9a-f]+$' THEN reverse(:column) ELSE :column END",
    type: "text",
    value:
      "(SELECT string_agg(md5((@n * 100 + part)::text), '') FROM generate_series(1, 20 + @n % 80) AS part)",
    edges: [
      "(SELECT string_agg(md5((@n * 100 + part)::text), E'\\n') FROM generate_series(1, 1000) AS part)",
      "repeat(md5(@n::text), 3000)",
    ],
  },
} as const satisfies Record<string, ColumnKind>;

export type ColumnKindName = keyof typeof kinds;

/** By name. */
export const COLUMN_KINDS: Readonly<Record<ColumnKindName, ColumnKind>> = kinds;

/** One value in so many is NULL, and as many are each of the hard ones. */
const SLOTS = 32;

/** SQL of the value of one column in the row of the whole number `number`; `salt` makes it another one. */
export function valueSql(kind: ColumnKind, number: string, salt: number): string {
  const n = `((${number})::bigint + ${salt})`;
  const special = ["NULL", ...kind.edges].map((value, slot) => `WHEN ${slot} THEN (${value})::${bare(kind)}`);
  const choice = `CASE hashint8(${n}) & ${SLOTS - 1} ${special.join(" ")}`;
  return `${choice} ELSE (${kind.value})::${bare(kind)} END`.replaceAll("@n", () => n);
}

/** A cast takes no collation. */
function bare({ type }: ColumnKind): string {
  return type.replace(/ COLLATE .*/, "");
}
