import { describe, expect } from "vitest";
import { describeSql } from "../../../src/reindex/describe-sql.ts";
import { documentStatement } from "../../../src/reindex/document-sql.ts";
import { test } from "../../support/postgres-test.ts";

/** Types with a value that has a line break where the type can have one. */
const VALUES: [type: string, value: string][] = [
  ["text", String.raw`E'a\nb\r\nc'`],
  ["varchar(9)", String.raw`E'a\nb'`],
  ["char(9)", String.raw`E'a\nb'`],
  ["name", String.raw`E'a\nb'`],
  ['"char"', String.raw`E'\n'`],
  ["bytea", String.raw`E'a\nb'::text::bytea`],
  ["jsonb", String.raw`E'{"a":\n"b\\nc"}'`],
  ["json", String.raw`E'{"a":\n"b\\nc"}'`],
  ["text[]", String.raw`ARRAY[[E'a\nb'], ['c']]`],
  ["jsonb[]", String.raw`ARRAY[E'{"a":\n1}'::jsonb]`],
  ["json[]", String.raw`ARRAY[E'{"a":\n1}'::json]`],
  ["numeric", "'NaN'"],
  ["float8[]", "'{1.5,null}'"],
  ["timestamptz[]", "'{2026-11-21 04:00:00+00,infinity}'"],
  ["interval", "'1 day'"],
  ["inet", "'10.0.0.1'"],
  ["a_domain", String.raw`E'{"a":\n1}'`],
  ["a_composite", String.raw`ROW(1, E'[\n1]')`],
  ["int4range", "'[1,3)'"],
];

describe("a document is one line, and what row_to_json says", () => {
  test.for(VALUES)("with a value of %s", async ([type, value], { database }) => {
    await using client = await database.connect();
    await client.query(
      "CREATE DOMAIN a_domain AS json; CREATE TYPE a_composite AS (number int, document json)",
    );
    const sql = `SELECT 7 AS id, (${value})::${type} AS value`;
    const setting = { file: "documents.sql", sql, id: "id", version: undefined };
    const { source } = await describeSql(client, setting);

    const statement = documentStatement(source, { kind: "all" }, "none");
    const [, query] = /^COPY \((?<query>.*)\) TO STDOUT/s.exec(statement) ?? [];
    const rows = await client.raw.query<string[]>({ text: query ?? "", rowMode: "array" });
    const lines = rows.rows[0]?.[1]?.split("\n") ?? [];
    expect(lines).toEqual([`{"index":{"_id":"7"}}`, expect.any(String), ""]);
    const [wanted] = await client.query<{ json: unknown }>(
      `SELECT row_to_json(d) AS json FROM (${sql}) AS d`,
    );
    expect(JSON.parse(lines[1] ?? "")).toEqual(wanted?.json);
  });
});
