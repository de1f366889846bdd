import fc from "fast-check";
import { describe, expect } from "vitest";
import { takeExcludable, type NamedTable } from "../../../../src/backup/blocks/table-pattern.ts";
import { quoteIdentifier, quoteQualified } from "../../../../src/postgres/quote.ts";
import { archivedTables } from "../../../support/archived-tables.ts";
import { createDatabase, test, type TestDatabase } from "../../../support/postgres-test.ts";
import type { SharedPostgres } from "../../../support/shared-servers.ts";

/** Bytes; the server cuts longer ones. */
const MAX_NAME_BYTES = 63;

/** Names that a pattern could take for another, or for more than one. */
const HOSTILE_NAMES = [
  "orders", "Orders", "ORDERS", "order", "orders2", "select", "table", "public", "user",
  "a.b", "axb", "a..b", ".", "..", ".*", "*", "?", "a*", "a?", "ab", "abc", "a+", "aa", "a{2}", "[ab]", "[^x]", "(a)", "a|b", "a", "b", "|",
  "$", "a$", "^a", "^", "\\", "a\\", "\\.", "\\d", "7", "\\w+", "***", "***=a", "***:a", "(?i)orders", "(?:a)", ")", "(", "[", "]", "{", "}",
  '"', '""', 'a"b', 'a""b', '"a"', "'", "a'b", "$1", "%s", "%", "_", "-", "--", "--schema=x", "/*", ";", "a;b", ",", "a,b", "@", "#", "# a", "~", "!", "&", "=",
  " ", "  ", " a", "a ", "a b", "\t", "a\tb", "\n", "a\nb", "\r", "a\r\nb", "\u0001", "\u007f", "\u0085", "\u00a0", "\u2028", "\ufeff", "\u200b",
  "é", "e\u0301", "É", "ß", "ss", "ẞ", "İ", "i", "I", "ı", "☃", "👩‍👩‍👧", "👻", "ﬁ", "fi", "Å", "Å",
  "x".repeat(63), "x".repeat(62), "X".repeat(63), "☃".repeat(21), '"'.repeat(63), ".".repeat(63), "\\".repeat(63), "👻".repeat(15),
]; // prettier-ignore

const HOSTILE_SCHEMAS = [
  "public",
  "Public",
  "p.blic",
  "p*",
  "*",
  '"',
  'a"."b',
  ".",
  "information",
  "a|public",
  "é☃",
  " ",
  "$",
  "PG_x",
];

/** Names of such pieces, which are likely to be patterns of each other. */
const composedName = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      "A",
      ".",
      "*",
      "?",
      "|",
      "(",
      ")",
      "[",
      "]",
      "^",
      "$",
      "\\",
      "+",
      '"',
      " ",
      "\n",
      "é",
      "👻",
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((pieces) => pieces.join(""));
const anyName = fc
  .string({ minLength: 1, maxLength: 20, unit: "binary" })
  .filter((name) => !name.includes("\0") && Buffer.byteLength(name) <= MAX_NAME_BYTES);

/** Tables of any names, some of which are chosen. */
const hostileTables = fc
  .tuple(
    fc.uniqueArray(fc.oneof(composedName, anyName), { minLength: 60, maxLength: 100 }),
    fc.infiniteStream(fc.boolean()),
  )
  .map(([random, coin]) => {
    const names = [...new Set([...HOSTILE_NAMES, ...random])];
    const tables = names.map((name, index) => ({
      schema: HOSTILE_SCHEMAS[index % HOSTILE_SCHEMAS.length] ?? "",
      name,
    }));
    // Every name also stands where nothing but its schema tells it from another.
    const twins = names.map((name) => ({ schema: "public", name }));
    const all = [...new Map([...tables, ...twins].map((table) => [JSON.stringify(table), table])).values()];
    return { tables: all, chosen: all.filter(() => coin.next().value) };
  });

async function createTables(database: TestDatabase, tables: readonly NamedTable[]): Promise<void> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const statements = [
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`),
    ...tables.map(({ schema, name }) => `CREATE TABLE ${quoteQualified(schema, name)} (id int)`),
  ];
  await using client = await database.connect();
  await client.query(statements.join(";\n"));
}

async function readNames(database: TestDatabase, oids: ReadonlySet<number>): Promise<string[]> {
  await using client = await database.connect();
  const rows = await client.query<{ schema: string; name: string }>(
    `SELECT nspname AS schema, relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
      WHERE c.oid = ANY ($1)`,
    [[...oids]],
  );
  return namesOf(rows);
}

function namesOf(tables: readonly NamedTable[]): string[] {
  return tables.map(({ schema, name }) => JSON.stringify([schema, name])).sort();
}

describe("exactly the chosen tables lack their rows", () => {
  async function expectExactly(server: SharedPostgres): Promise<void> {
    await fc.assert(
      fc.asyncProperty(hostileTables, async ({ tables, chosen }) => {
        const database = await createDatabase(server);
        try {
          await createTables(database, tables);
          const archived = await archivedTables(database, chosen);
          const others = tables.filter((table) => !chosen.includes(table));
          expect(await readNames(database, archived)).toEqual(namesOf(others));
        } finally {
          await database.drop();
        }
      }),
      { numRuns: 2, endOnFailure: true },
    );
  }

  test("whatever their names, PostgreSQL 15", ({ postgres15 }) => expectExactly(postgres15));
  test("whatever their names, PostgreSQL 16", ({ postgres16 }) => expectExactly(postgres16));
  test("whatever their names, PostgreSQL 18", ({ postgres18 }) => expectExactly(postgres18));

  test("when they are as many as pg_dump can be told", async ({ postgres15, postgres18 }) => {
    for (const server of [postgres15, postgres18]) {
      const database = await createDatabase(server);
      // The longest argument that a table can have: every byte of both names is doubled.
      const tables = Array.from({ length: 1_100 }, (_, n) => ({
        schema: '"'.repeat(MAX_NAME_BYTES),
        name: String(n).padEnd(MAX_NAME_BYTES, '"'),
      }));
      const chosen = takeExcludable(tables);
      expect(chosen.length).toBeLessThan(tables.length);
      await createTables(database, tables);
      expect(await archivedTables(database, chosen)).toHaveProperty("size", tables.length - chosen.length);
      await database.drop();
    }
  });
});
