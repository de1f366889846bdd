import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { DataopsError, messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import type { SeedFile } from "../plan.ts";
import { quoteTable } from "./table-name.ts";

/** Bytes; it is read as a whole. */
const MAX_FILE = 100 * 1024 * 1024;
/** Rows of one statement. */
const MAX_ROWS = 1000;

const rowsByTable = z.record(z.string().min(1), z.array(z.record(z.string().min(1), z.unknown())));

/** Rows of one table that name the same columns. */
export interface RowGroup {
  table: string;
  columns: string[];
  rows: Record<string, unknown>[];
}

/**
 * Inserts a JSON file's rows: `{ "users": [ { "id": 1, … }, … ], … }`, tables and rows in the order of the file. A column
 * that a row does not name gets its default.
 *
 * @throws DataopsError `failed` where it is no such file; as `query` does for rows that the server refuses
 */
export async function loadJson(client: PostgresClient, file: SeedFile): Promise<void> {
  if ((await stat(file.path)).size > MAX_FILE) throw unreadable(file, `it is larger than ${MAX_FILE} bytes`);
  for (const { table, columns, rows } of groupRows(await parse(file))) {
    const name = quoteTable(table);
    const list = columns.map(quoteIdentifier).join(", ");
    const insert =
      columns.length === 0
        ? `INSERT INTO ${name} DEFAULT VALUES`
        : `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE
           SELECT ${list} FROM pg_catalog.json_populate_recordset(NULL::${name}, $1::pg_catalog.json)`;
    await client.query(insert, columns.length === 0 ? [] : [JSON.stringify(rows)]);
  }
}

/** Rows that follow each other and name the same columns, as many as go into one statement. Pure. */
export function groupRows(tables: Readonly<Record<string, readonly Record<string, unknown>[]>>): RowGroup[] {
  const groups: RowGroup[] = [];
  for (const [table, rows] of Object.entries(tables)) {
    let group: RowGroup | undefined;
    for (const row of rows) {
      const columns = Object.keys(row).toSorted();
      const fits =
        group !== undefined &&
        columns.length > 0 &&
        group.rows.length < MAX_ROWS &&
        group.columns.length === columns.length &&
        group.columns.every((column, index) => column === columns[index]);
      if (group === undefined || !fits) {
        group = { table, columns, rows: [] };
        groups.push(group);
      }
      group.rows.push(row);
    }
  }
  return groups;
}

async function parse(file: SeedFile): Promise<z.output<typeof rowsByTable>> {
  let json: unknown;
  try {
    json = parseExactly((await readFile(file.path, "utf8")).replace(/^\uFEFF/, ""));
  } catch (error) {
    throw unreadable(file, messageOf(error));
  }
  const parsed = rowsByTable.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unreadable(file, "it does not hold lists of rows by the names of their tables");
}

/** What the language's types do not have yet. */
interface ExactJson {
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

/** Numbers keep their digits: a `bigint` or `numeric` may have more than JavaScript's numbers. */
export function parseExactly(text: string): unknown {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- Node has both
  const exact = JSON as unknown as ExactJson;
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined ? exact.rawJSON(source) : value,
  );
}

function unreadable({ name }: SeedFile, why: string): DataopsError {
  return new DataopsError("failed", `${name} cannot be read: ${why}`, {
    hint: 'a JSON seed looks like { "users": [ { "id": 1, "name": "Ada" } ] }',
  });
}
