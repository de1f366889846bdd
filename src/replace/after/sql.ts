import { DataopsError, messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { sqlStateOf } from "../../postgres/postgres-error.ts";

const BYTE_ORDER_MARK = /^\uFEFF/;
/** A line that begins with one of psql's own commands, `\set` or `\i`. */
const PSQL_COMMAND = /^\s*\\[a-z]/m;

/**
 * Runs a file's statements, all or none.
 *
 * @param name of the step, for messages
 * @throws DataopsError `failed` naming the line that failed; as `query` does where the connection is lost
 */
export async function runSqlFile(client: PostgresClient, name: string, content: string): Promise<void> {
  const sql = content.replace(BYTE_ORDER_MARK, "");
  try {
    await client.query("BEGIN");
    await client.query(sql);
    await client.query("COMMIT");
  } catch (error) {
    if (client.closed || sqlStateOf(error) === undefined) throw error;
    const line = lineOf(error, sql);
    throw new DataopsError("failed", `${name}${line}: ${serverMessage(error)}`, {
      hint: PSQL_COMMAND.test(sql)
        ? "psql's own commands (a backslash and a word) mean nothing here; use a command step that runs psql"
        : "correct it and run again; nothing was replaced",
      cause: error,
    });
  }
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
