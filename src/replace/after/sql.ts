import { DataopsError, messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { sqlStateOf } from "../../postgres/postgres-error.ts";

const BYTE_ORDER_MARK = /^\uFEFF/;
/** `\restrict` and `\unrestrict`, each with a word, on a line of their own. The line's end stays, for the count of lines. */
const RESTRICTION = /^\\(?:un)?restrict \w+$/gm;
/** `COPY users, line 3, column age: "x"`. */
const COPIED_LINE = /^COPY .*, line (\d+)/m;
/** A line that begins with one of psql's own commands, `\set` or `\i`. */
const PSQL_COMMAND = /^\s*\\[a-z]/m;

/**
 * Runs a file's statements, all or none.
 *
 * @param name of the step, for messages
 * @throws DataopsError `failed` naming the line that failed; as `query` does where the connection is lost
 */
export async function runSqlFile(client: PostgresClient, name: string, content: string): Promise<void> {
  const sql = plainSql(content);
  try {
    await client.query("BEGIN");
    await client.query(sql);
    await client.query("COMMIT");
  } catch (error) {
    throw client.closed ? error : explainSqlFailure(error, name, sql);
  }
}

/** A file's SQL without what only psql reads: a byte order mark, and the two lines that pg_dump puts around its own. */
export function plainSql(content: string): string {
  return content.replace(BYTE_ORDER_MARK, "").replaceAll(RESTRICTION, "");
}

/**
 * The error to show for one of a server's: what failed, in which line.
 *
 * @param sql what was run; undefined where it was no SQL of the team's
 * @returns `error` itself where no server spoke
 */
export function explainSqlFailure(error: unknown, name: string, sql?: string): unknown {
  if (sqlStateOf(error) === undefined) return error;
  const line = sql === undefined ? rowOf(error) : lineOf(error, sql);
  return new DataopsError("failed", `${name}${line}: ${serverMessage(error)}`, {
    hint:
      sql !== undefined && PSQL_COMMAND.test(sql)
        ? "psql's own commands (a backslash and a word) mean nothing here; use a command step that runs psql"
        : "correct it and run again; nothing was replaced",
    cause: error,
  });
}

/** `, line 3`, where the server told a line of what was copied. */
function rowOf(error: unknown): string {
  const cause = serverError(error);
  const where = cause !== undefined && "where" in cause && typeof cause.where === "string" ? cause.where : "";
  const line = COPIED_LINE.exec(where)?.[1];
  return line === undefined ? "" : `, line ${line}`;
}

/** `, line 12`, where the server told a position, which it counts in characters from 1. */
function lineOf(error: unknown, sql: string): string {
  const cause = serverError(error);
  if (cause === undefined || !("position" in cause) || typeof cause.position !== "string") return "";
  const before = Array.from(sql).slice(0, Number(cause.position) - 1);
  return `, line ${before.filter((character) => character === "\n").length + 1}`;
}

function serverMessage(error: unknown): string {
  return messageOf(serverError(error) ?? error).replaceAll(/\s*\n\s*/g, "; ");
}

/** The innermost: what the driver made of the server's answer. */
function serverError(error: unknown): Error | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ("severity" in current) return current;
  }
  return undefined;
}
