import { DataopsError, isDataopsError, messageOf } from "../../errors.ts";

/** A statement or rows of the backup that the server would not take. */
export class LoadError extends DataopsError {}

/** `pg_restore: error: could not execute query: ERROR:  permission denied` */
const STATEMENT_ERROR = /^pg_restore: error: could not execute query: (?:ERROR: {2})?(.+)$/;
/** `pg_restore: error: COPY failed for table "orders": ERROR:  new row violates check constraint` */
const ROWS_ERROR = /^pg_restore: error: COPY failed for table (".+?"): (?:ERROR: {2})?(.+)$/;
const OTHER_ERROR = /^pg_restore: error: (.+)$/;
/** `Command was: REFRESH MATERIALIZED VIEW public.totals;`, after the statement's error. */
const COMMAND = /^Command was: (.+)$/;
/** What the server refuses to anybody but a superuser. */
const SUPERUSER_ONLY = /permission denied|must be superuser|only (a )?superuser/i;
/** Characters of a statement that are shown. */
const SHOWN = 120;

/**
 * Learns from what pg_restore says which part of the archive failed and why.
 *
 * Only the first error is kept, and of it neither the whole statement nor the context: they can hold the database's rows.
 */
export class LoadFailure {
  #what: string | undefined;
  #reason: string | undefined;

  /** One line of stderr. */
  read(line: string): void {
    if (this.#reason !== undefined) {
      this.#what ??= beginningOf(COMMAND.exec(line)?.[1]);
      return;
    }
    const [, table, why] = ROWS_ERROR.exec(line) ?? [];
    if (table !== undefined) this.#what = `the rows of table ${table}`;
    this.#reason = why ?? STATEMENT_ERROR.exec(line)?.[1] ?? OTHER_ERROR.exec(line)?.[1];
  }

  /** The error to throw in place of the one that the program's exit made. */
  explain(error: unknown): unknown {
    if (!isDataopsError(error) || this.#reason === undefined) return error;
    // That it could not be started, or lost the server, says more.
    if (error.exit !== "failed" && error.exit !== "notPermitted") return error;
    const details = SUPERUSER_ONLY.test(this.#reason)
      ? {
          hint: "pass --as-superuser if you trust what the backup holds, or connect as a role that may do it",
        }
      : {};
    return new LoadError(
      "failed",
      `pg_restore could not restore ${this.#what ?? "the archive"}: ${this.#reason}`,
      { ...details, cause: new Error(messageOf(error)) },
    );
  }
}

/** A statement up to its first constant. */
function beginningOf(statement: string | undefined): string | undefined {
  const beginning = statement
    ?.replace(/['$].*/, "")
    .replace(/;$/, "")
    .trim()
    .slice(0, SHOWN);
  return beginning === undefined || beginning === "" ? undefined : `\`${beginning}\``;
}
