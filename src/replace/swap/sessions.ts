import { isDataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";

/** Who uses a database that is to be renamed. */
export interface Session {
  processId: number;
  database: string;
  /** Null for the server's own workers. */
  user: string | null;
  application: string;
  /** `idle`, `active`, …; null where this role may not see it. */
  state: string | null;
}

/** Names in a message; more than that are counted. */
const NAMED_AT_MOST = 10;

/**
 * The sessions in the databases with these oids, without those of this run, which end by themselves.
 *
 * Autovacuum's are not among them: the server ends those for a rename. A plain role is not told which those are, only that
 * they have no user.
 */
export async function listSessions(client: PostgresClient, oids: readonly number[]): Promise<Session[]> {
  const rows = await client.query<Session & Record<string, unknown>>(
    `SELECT session.pid AS "processId", session.datname AS database, session.usename AS "user",
            coalesce(session.application_name, '') AS application, session.state
       FROM pg_catalog.pg_stat_activity AS session
      WHERE session.datid = ANY ($1::oid[])
        AND coalesce(session.backend_type <> 'autovacuum worker', session.usesysid IS NOT NULL)
        AND session.pid <> pg_catalog.pg_backend_pid()
        AND session.application_name IS DISTINCT FROM pg_catalog.current_setting('application_name')
      ORDER BY session.datname, session.pid`,
    [oids],
  );
  return rows.map(({ processId, database, user, application, state }) => ({
    processId,
    database,
    user,
    application,
    state,
  }));
}

/** Prepared transactions keep a database from being renamed as sessions do, and nothing but their end helps. */
export async function listPreparedTransactions(
  client: PostgresClient,
  oids: readonly number[],
): Promise<string[]> {
  const rows = await client.query<{ gid: string }>(
    `SELECT prepared.gid
       FROM pg_catalog.pg_prepared_xacts AS prepared
       JOIN pg_catalog.pg_database AS database ON database.datname = prepared.database
      WHERE database.oid = ANY ($1::oid[])
      ORDER BY prepared.gid`,
    [oids],
  );
  return rows.map(({ gid }) => gid);
}

/** @returns whether it was ended; false where it has gone, or where this role may not end it */
export async function endSession(client: PostgresClient, { processId }: Session): Promise<boolean> {
  try {
    const [row] = await client.query<{ ended: boolean }>(
      "SELECT pg_catalog.pg_terminate_backend($1) AS ended",
      [processId],
    );
    return row?.ended ?? false;
  } catch (error) {
    if (isDataopsError(error, "notPermitted")) return false;
    throw error;
  }
}

/** `process 71 of app (psql, idle); process 72 …`. */
export function describeSessions(sessions: readonly Session[]): string {
  const named = sessions.slice(0, NAMED_AT_MOST).map(describe);
  const more = sessions.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function describe({ processId, database, user, application, state }: Session): string {
  const details = [application, state ?? ""].filter((detail) => detail !== "").join(", ");
  const of = user === null ? "" : ` of ${user}`;
  return `process ${processId}${of} in ${database}${details === "" ? "" : ` (${details})`}`;
}
