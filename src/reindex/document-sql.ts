import { quoteIdentifier, quoteLiteral, quoteQualified } from "../postgres/quote.ts";
import type { CatchUp, FollowedTable, TableName } from "./catch-up.ts";

/** The statements that a reindex reads with. PostgreSQL itself builds what the engine is sent: nobody else looks into it. */

/** A team's SQL that gives one row for each document. */
export interface DocumentSource {
  /** A SELECT, without a semicolon. */
  sql: string;
  /** The column whose text is the document's id. */
  id: string;
  /** Of that column, as SQL writes it. */
  idType: string;
  /** An expression over the row `d` that gives the version as a bigint; undefined where versions are counted here. */
  version: string | undefined;
  /** Whether the JSON of a row may have line breaks, for which a bulk request has no room. */
  mayHaveLineBreaks: boolean;
}

/**
 * The version that documents are sent with, so that an older one that comes late is turned away.
 *
 * - a number: all have it, and it must be larger than what the index has
 * - `column`: each row's own; the same once more is taken
 * - `none`: whatever the index has is written over
 * - ids and versions: for each its own, which must be what the index has, or larger
 */
export type SentVersion =
  | number
  | "column"
  | "none"
  | { ids: readonly string[]; versions: readonly number[] };

/** Which of the documents. Ids `from` up to, not including, `to`, in the database's own order. */
export type Selection =
  | { kind: "all" }
  | { kind: "ids"; ids: readonly string[] }
  | { kind: "range"; from: string | undefined; to: string | undefined };

/** Fields of the rows that `documentStatement` gives: the id, and the two lines of a bulk request. */
export const DOCUMENT_FIELDS = 2;
/** Fields of the rows that `scanStatements` give: an id, and a number that says which state of the row it is. */
export const SCAN_FIELDS = 2;

/** A COPY of documents, each as the lines that a bulk request wants. */
export function documentStatement(
  source: DocumentSource,
  selection: Selection,
  version: SentVersion,
): string {
  const { given, action } = actionLine(source, version);
  const json = "pg_catalog.row_to_json(d)::text";
  const document = source.mayHaveLineBreaks ? `pg_catalog.replace(${json}, E'\\n', ' ')` : json;
  const line = `${action} || E'\\n' || ${document} || E'\\n'`;
  return copy(
    `SELECT ${idOf(source)}::text, ${line} FROM ${rowsOf(source)}${given}${whereOf(source, selection)}`,
  );
}

/** A COPY of the ids and versions of some documents, for `version: column`. */
export function versionStatement(source: DocumentSource, ids: readonly string[]): string {
  return copy(
    `SELECT ${idOf(source)}::text, ${versionOf(source)}::text FROM ${rowsOf(source)}${whereOf(source, { kind: "ids", ids })}`,
  );
}

/** How many documents there are. */
export function countStatement(source: DocumentSource): string {
  return `SELECT pg_catalog.count(*)::text AS count FROM ${rowsOf(source)}`;
}

/** What the query does without being run: for its plan. */
export function planStatement(source: DocumentSource, selection: Selection): string {
  return `EXPLAIN (FORMAT JSON, VERBOSE) SELECT d.* FROM ${rowsOf(source)}${whereOf(source, selection)}`;
}

/** Puts ids into the order that ranges go by. */
export function sortStatement(source: DocumentSource, ids: readonly string[]): string {
  return `SELECT one::text AS id FROM pg_catalog.unnest(${idArray(source, ids)}) AS one ORDER BY one`;
}

/** COPYs that tell, for each row that documents are made from, whose document it is and which state of it is seen. */
export function scanStatements(source: DocumentSource, catchUp: CatchUp): string[] {
  if (catchUp.method === "documents") {
    const hash = "pg_catalog.hashtextextended(pg_catalog.row_to_json(d)::text, 0)";
    return [copy(`SELECT ${idOf(source)}::text, ${hash} FROM ${rowsOf(source)}`)];
  }
  const { root, rootId, follow } = catchUp;
  const main = `SELECT m.${quoteIdentifier(rootId)}::text, m.xmin FROM ${tableOf(root)} AS m`;
  return [main, ...follow.map((followed) => followedRows(root, followed))].map(copy);
}

function followedRows(root: TableName, { table, column, on }: FollowedTable & { table: TableName }): string {
  const key = `f.${quoteIdentifier(column)}`;
  if (on === undefined)
    return `SELECT ${key}::text, f.xmin FROM ${tableOf(table)} AS f WHERE ${key} IS NOT NULL`;
  const { rootColumn, rootId } = on;
  return `SELECT m.${quoteIdentifier(rootId)}::text, f.xmin FROM ${tableOf(root)} AS m JOIN ${tableOf(table)} AS f ON ${key} = m.${quoteIdentifier(rootColumn)}`;
}

function actionLine(source: DocumentSource, version: SentVersion): { action: string; given: string } {
  const id = `'{"index":{"_id":' || pg_catalog.to_json(${idOf(source)}::text)::text ||`;
  if (typeof version === "number") {
    return { action: `${id} ',"version":${version},"version_type":"external"}}'`, given: "" };
  }
  if (version === "none") return { action: `${id} '}}'`, given: "" };
  const end = `',"version_type":"external_gte"}}'`;
  if (version === "column") {
    return { action: `${id} ',"version":' || ${versionOf(source)} || ${end}`, given: "" };
  }
  const versions = quoteLiteral(`{${version.versions.join(",")}}`);
  return {
    action: `${id} ',"version":' || given.version || ${end}`,
    given: ` JOIN ROWS FROM (pg_catalog.unnest(${idArray(source, version.ids)}), pg_catalog.unnest(${versions}::bigint[])) AS given(id, version) ON given.id = ${idOf(source)}`,
  };
}

/** Engines take no negative versions. */
function versionOf({ version }: DocumentSource): string {
  if (version === undefined) throw new RangeError("there is no version column");
  return `GREATEST(0, COALESCE(${version}, 0))`;
}

/** On lines of its own, so that a comment at the end of the team's SQL ends there. */
function rowsOf({ sql }: DocumentSource): string {
  return `(\n${sql}\n) AS d`;
}

function idOf({ id }: DocumentSource): string {
  return `d.${quoteIdentifier(id)}`;
}

function tableOf({ schema, name }: TableName): string {
  return quoteQualified(schema, name);
}

function whereOf(source: DocumentSource, selection: Selection): string {
  if (selection.kind === "all") return "";
  if (selection.kind === "ids") return ` WHERE ${idOf(source)} = ANY (${idArray(source, selection.ids)})`;
  const { from, to } = selection;
  const conditions = [
    ...(from === undefined ? [] : [`${idOf(source)} >= ${quoteLiteral(from)}::${source.idType}`]),
    ...(to === undefined ? [] : [`${idOf(source)} < ${quoteLiteral(to)}::${source.idType}`]),
  ];
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

function idArray({ idType }: DocumentSource, ids: readonly string[]): string {
  const elements = ids.map((id) => `"${id.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`);
  return `${quoteLiteral(`{${elements.join(",")}}`)}::${idType}[]`;
}

function copy(query: string): string {
  return `COPY (${query}) TO STDOUT (FORMAT binary)`;
}
