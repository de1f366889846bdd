import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { statementError } from "../postgres/postgres-error.ts";
import { quoteIdentifier } from "../postgres/quote.ts";
import type { ReadRelation, SqlFacts } from "./catch-up.ts";
import { planStatement, type DocumentSource } from "./document-sql.ts";

/** Type oids that versions may have, and how each becomes a whole number. They are fixed in PostgreSQL's own catalog. */
const INTEGER_TYPES = new Set([20, 21, 23, 1700]);
const TIME_TYPES = new Set([1114, 1184]);

/**
 * Types whose JSON is one line: texts have line breaks escaped, jsonb is written anew. A value of the type json is given as it was
 * written, so everything that may hold one is left out, and to replace breaks in it costs an eighth of what building documents does.
 */
const ONE_LINE_SCALARS = [16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 1042, 1043, 1700, 2950, 3802];
const ONE_LINE_TIMES_AND_ADDRESSES = [1082, 1083, 1114, 1184, 1186, 1266, 650, 869];
const ONE_LINE_ARRAYS = [1000, 1005, 1007, 1009, 1015, 1016, 1021, 1022, 1115, 1182, 1185, 1231, 2951, 3807];
const ONE_LINE_TYPES = new Set([...ONE_LINE_SCALARS, ...ONE_LINE_TIMES_AND_ADDRESSES, ...ONE_LINE_ARRAYS]);

/** A name before a parenthesis in a plan's expressions: what may be a function's. */
const CALLED = /((?:"(?:[^"]|"")+"|[a-z_][\w$]*\.)*(?:"(?:[^"]|"")+"|[a-z_][\w$]*))\(/gi;
/** What SQL calls without parentheses. */
const KEYWORD_CALL =
  /\b(CURRENT_(?:DATE|TIME|TIMESTAMP|USER|ROLE|CATALOG|SCHEMA)|LOCALTIME(?:STAMP)?|SESSION_USER)\b/;

/** The server's own functions that are called stable, and yet follow the clock or the session. */
const FOLLOW_THE_CLOCK = ["now", "transaction_timestamp", "statement_timestamp", "age", "current_setting"];

const CALLS = `
SELECT DISTINCT p.proname AS name
  FROM pg_catalog.pg_proc AS p
 WHERE p.proname = ANY ($1)
   AND CASE WHEN p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
            THEN p.provolatile = 'v' OR p.proname = ANY ($2)
            ELSE p.provolatile <> 'i' END
 ORDER BY 1`;

/** All that this transaction has locked to read it. */
const RELATIONS = `
SELECT DISTINCT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       COALESCE(a.amname = 'heap', false) AS "isHeap"
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_class AS part ON part.oid = l.relation
  JOIN pg_catalog.pg_class AS c
    ON c.oid = COALESCE(CASE WHEN part.relispartition THEN pg_catalog.pg_partition_root(part.oid) END, part.oid)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
 WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND c.relkind IN ('r', 'p', 'm', 'f', 'v') AND n.nspname <> 'pg_catalog'
 ORDER BY 1`;

/** A team's SQL as its file has it, and which of its columns are what. */
export interface SqlSetting {
  /** The file's name, for messages. */
  file: string;
  sql: string;
  id: string;
  version: string | undefined;
}

/** What the SQL is, with nothing but itself in the way: at the beginning of a transaction. */
export interface DescribedSql {
  source: DocumentSource;
  facts: SqlFacts;
}

/**
 * Looks at a team's SQL without running it. In a transaction that has read nothing else yet.
 *
 * @throws DataopsError `usage` where it is not a query, or lacks a column; as `PostgresClient.query` does
 */
export async function describeSql(client: PostgresClient, setting: SqlSetting): Promise<DescribedSql> {
  const sql = withoutSemicolon(setting.sql);
  const columns = await readColumns(client, { ...setting, sql });
  const id = requireColumn(columns, setting.id, setting.file);
  const [type] = await client.query<{ name: string }>(
    "SELECT pg_catalog.format_type($1::oid, NULL) AS name",
    [id.dataTypeID],
  );
  const source: DocumentSource = {
    sql,
    id: setting.id,
    idType: type?.name ?? "text",
    mayHaveLineBreaks: columns.some(({ dataTypeID }) => !ONE_LINE_TYPES.has(dataTypeID)),
    version:
      setting.version === undefined
        ? undefined
        : versionExpression(requireColumn(columns, setting.version, setting.file), setting),
  };
  const plan = await readPlan(client, source);
  const relations = await client.query<{ oid: string } & Omit<ReadRelation, "oid">>(RELATIONS);
  return {
    source,
    facts: {
      idOrigin: await originOf(client, id),
      relations: relations.map((relation) => ({ ...relation, oid: Number(relation.oid) })),
      nodes: plan.nodes,
      unsteady: await unsteadyCalls(client, plan.text),
    },
  };
}

/** The planner's estimate of what a selection costs, in its own units. */
export async function planCost(
  client: PostgresClient,
  source: DocumentSource,
  selection: Parameters<typeof planStatement>[1],
): Promise<number> {
  const [row] = await client.query<{ "QUERY PLAN": unknown }>(planStatement(source, selection));
  const [top] = nodesOf(row?.["QUERY PLAN"]);
  return Number(top?.["Total Cost"] ?? 0);
}

interface Column {
  name: string;
  dataTypeID: number;
  tableID: number;
  columnID: number;
}

async function readColumns(client: PostgresClient, { sql, file }: SqlSetting): Promise<Column[]> {
  try {
    const { fields } = await client.raw.query(`SELECT d.* FROM (\n${sql}\n) AS d LIMIT 0`);
    return fields;
  } catch (error) {
    const failure = statementError(error, client.settings);
    if (failure.exit !== "failed") throw failure;
    throw new DataopsError("usage", `${file}: ${failure.message}`, {
      hint: "it must hold one SELECT, that gives a row for each document",
      cause: error,
    });
  }
}

function requireColumn(columns: readonly Column[], name: string, file: string): Column {
  const [column, ...more] = columns.filter((one) => one.name === name);
  if (column !== undefined && more.length === 0) return column;
  throw new DataopsError(
    "usage",
    `${file}: it gives ${column === undefined ? "no" : "more than one"} column ${name}`,
    {
      hint: `its columns are ${columns.map((one) => one.name).join(", ")}`,
    },
  );
}

/** Times as microseconds since 1970: as fine as the database knows them. */
function versionExpression({ name, dataTypeID }: Column, { file }: SqlSetting): string {
  const column = `d.${quoteIdentifier(name)}`;
  if (INTEGER_TYPES.has(dataTypeID)) return `${column}::bigint`;
  if (TIME_TYPES.has(dataTypeID)) return `(EXTRACT(epoch FROM ${column}) * 1000000)::bigint`;
  throw new DataopsError("usage", `${file}: the version ${name} is neither a whole number nor a time`, {
    hint: "let the SQL compute one",
  });
}

/** The table's column that a column of the result is, as it is there. */
async function originOf(client: PostgresClient, column: Column): Promise<SqlFacts["idOrigin"]> {
  if (column.tableID === 0) return undefined;
  const [row] = await client.query<{ name: string }>(
    "SELECT attname AS name FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attnum = $2",
    [column.tableID, column.columnID],
  );
  return row === undefined ? undefined : { table: column.tableID, column: row.name };
}

async function readPlan(
  client: PostgresClient,
  source: DocumentSource,
): Promise<{ nodes: SqlFacts["nodes"]; text: string }> {
  const [row] = await client.query<{ "QUERY PLAN": unknown }>(planStatement(source, { kind: "all" }));
  const plan = row?.["QUERY PLAN"];
  const nodes = nodesOf(plan).map((node) => ({
    type: String(node["Node Type"]),
    table: typeof node["Relation Name"] === "string" ? node["Relation Name"] : undefined,
  }));
  return { nodes, text: JSON.stringify(plan) };
}

function nodesOf(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (typeof value !== "object" || value === null) return [];
  const node: Record<string, unknown> = { ...value };
  const inner = nodesOf([node["Plan"] ?? [], node["Plans"] ?? []]);
  return "Node Type" in node ? [node, ...inner] : inner;
}

async function unsteadyCalls(client: PostgresClient, plan: string): Promise<string[]> {
  // Quotes of names stand escaped in JSON.
  const text = plan.replaceAll('\\"', '"');
  const keyword = KEYWORD_CALL.exec(text)?.[1];
  const names = new Set([...text.matchAll(CALLED)].map(([, called = ""]) => lastPart(called)));
  const rows = await client.query<{ name: string }>(CALLS, [[...names], FOLLOW_THE_CLOCK]);
  return [...(keyword === undefined ? [] : [keyword]), ...rows.map(({ name }) => name)];
}

/** `name` of `schema."name"`. */
function lastPart(called: string): string {
  const name = /(?:"((?:[^"]|"")+)"|([\w$]+))$/.exec(called);
  return name?.[1]?.replaceAll('""', '"') ?? name?.[2] ?? called;
}

function withoutSemicolon(sql: string): string {
  return sql.trim().replace(/(?:\s*;)+$/, "");
}
