import type { PostgresClient } from "./client.ts";

/** Who waits for whom. Statements are not read: they may hold anything. */

/** A session that waits for a lock, and one that it waits for. */
export interface LockWait {
  /** The waiting session's process id. */
  waiting: number;
  /** `public.orders`; null for a lock that is not a relation's. */
  relation: string | null;
  /** The process id of one session that holds the lock, or is ahead in its queue. 0: a prepared transaction. */
  blocker: number;
  /** What the server shows of the blocker; null where our role may not see it. */
  blockerUser: string | null;
  blockerApplication: string | null;
  blockerState: string | null;
}

/** A session that waits for sessions of ours. */
export interface LockQueued {
  /** Its process id. */
  waiting: number;
  /** `public.orders`; null for a lock that is not a relation's. */
  relation: string | null;
  /** What the server shows of it; null where our role may not see it. */
  user: string | null;
  application: string | null;
}

const RELATION = "namespace.nspname || '.' || class.relname AS relation";
const RELATION_NAMES = `
    LEFT JOIN pg_catalog.pg_class AS class ON class.oid = lock.relation
    LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace`;

const WAITS_OF_OURS = `
  SELECT pg_catalog.pg_stat_clear_snapshot(), lock.pid AS waiting, blocker.pid AS blocker, ${RELATION},
         session.usename AS "blockerUser", session.application_name AS "blockerApplication", session.state AS "blockerState"
    FROM pg_catalog.pg_stat_activity AS ours
    JOIN pg_catalog.pg_locks AS lock ON lock.pid = ours.pid AND NOT lock.granted
   CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(lock.pid)) AS blocker(pid)
    LEFT JOIN pg_catalog.pg_stat_activity AS session ON session.pid = blocker.pid ${RELATION_NAMES}
   WHERE ours.application_name = $1
   ORDER BY lock.pid, blocker.pid`;

const WAITS_FOR_OURS = `
  SELECT DISTINCT pg_catalog.pg_stat_clear_snapshot()::text, lock.pid AS waiting, ${RELATION},
         session.usename AS "user", session.application_name AS "application"
    FROM pg_catalog.pg_locks AS lock
   CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(lock.pid)) AS blocker(pid)
    JOIN pg_catalog.pg_stat_activity AS ours ON ours.pid = blocker.pid AND ours.application_name = $1
    LEFT JOIN pg_catalog.pg_stat_activity AS session ON session.pid = lock.pid ${RELATION_NAMES}
   WHERE NOT lock.granted
   ORDER BY lock.pid`;

/**
 * The waits of sessions of one application, and whom they wait for.
 *
 * @throws DataopsError as `PostgresClient.query` does
 */
export async function findLockWaits(client: PostgresClient, applicationName: string): Promise<LockWait[]> {
  return await client.query<LockWait & Record<string, unknown>>(WAITS_OF_OURS, [applicationName]);
}

/**
 * The sessions that wait for sessions of one application.
 *
 * @throws DataopsError as `PostgresClient.query` does
 */
export async function findLockQueue(client: PostgresClient, applicationName: string): Promise<LockQueued[]> {
  return await client.query<LockQueued & Record<string, unknown>>(WAITS_FOR_OURS, [applicationName]);
}

/** `process 4711 (user deploy, rails, idle in transaction)`, of what is known; on one line. */
export function describeSession(process: number, about: readonly (string | null)[]): string {
  const known = about.filter((part) => part !== null && part !== "");
  const who = known.length === 0 ? "" : ` (${known.join(", ")})`;
  return `process ${process}${who}`.replaceAll(/\s*\n\s*/g, " ");
}
