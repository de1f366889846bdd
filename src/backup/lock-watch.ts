import { setTimeout as sleep } from "node:timers/promises";
import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";

/** Milliseconds between two looks. */
const POLL_INTERVAL = 250;

/** A session of ours that waits for a lock, and who has it. */
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

/** Who blocks sessions of one application. The blocker's statement is not read: it may hold anything. */
const LOCK_WAITS = `
  SELECT pg_catalog.pg_stat_clear_snapshot(), lock.pid AS waiting, blocker.pid AS blocker,
         namespace.nspname || '.' || class.relname AS relation,
         session.usename AS "blockerUser", session.application_name AS "blockerApplication", session.state AS "blockerState"
    FROM pg_catalog.pg_stat_activity AS ours
    JOIN pg_catalog.pg_locks AS lock ON lock.pid = ours.pid AND NOT lock.granted
   CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(lock.pid)) AS blocker(pid)
    LEFT JOIN pg_catalog.pg_stat_activity AS session ON session.pid = blocker.pid
    LEFT JOIN pg_catalog.pg_class AS class ON class.oid = lock.relation
    LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
   WHERE ours.application_name = $1
   ORDER BY lock.pid, blocker.pid`;

export interface LockWatch extends AsyncDisposable {
  /** The wait that was seen last, for a program that gives up by itself; undefined where none ever was. */
  readonly lastSeen: LockWait | undefined;
}

export interface LockWatchOptions {
  /** `application_name` of the sessions that are watched. */
  applicationName: string;
  /** Milliseconds that one of them may wait. */
  limit: number;
  /** Called once, with the error that names table and blocker, when one waited longer. */
  onBlocked: (error: DataopsError) => void;
  /** Monotonic milliseconds. */
  now?: () => number;
}

/**
 * Looks on, over a connection of its own, whether our sessions wait for locks.
 *
 * `pg_dump --lock-wait-timeout` bounds the wait for tables, but not for sequences and views, and never says who blocks.
 */
export function watchLocks(client: PostgresClient, options: LockWatchOptions): LockWatch {
  const ended = new AbortController();
  const state: { lastSeen: LockWait | undefined } = { lastSeen: undefined };
  const watching = poll(client, options, ended.signal, state).catch(() => undefined);
  return {
    get lastSeen() {
      return state.lastSeen;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watching;
    },
  };
}

/** A watch that fails ends quietly: the programs' own limits still hold, and their errors are told. */
async function poll(
  client: PostgresClient,
  { applicationName, limit, onBlocked, now = () => performance.now() }: LockWatchOptions,
  ended: AbortSignal,
  state: { lastSeen: LockWait | undefined },
): Promise<void> {
  let waitingSince = new Map<string, number>();
  while (!ended.aborted) {
    const waits = await client.query<LockWait & Record<string, unknown>>(LOCK_WAITS, [applicationName]);
    state.lastSeen = waits[0] ?? state.lastSeen;
    waitingSince = new Map(waits.map((wait) => [waitKey(wait), waitingSince.get(waitKey(wait)) ?? now()]));
    const overdue = waits.find((wait) => now() - (waitingSince.get(waitKey(wait)) ?? now()) >= limit);
    if (overdue !== undefined) {
      onBlocked(blockedError(overdue, limit));
      return;
    }
    await sleep(POLL_INTERVAL, undefined, { signal: ended });
  }
}

function waitKey({ waiting, relation }: LockWait): string {
  return `${waiting} ${relation ?? ""}`;
}

/** The failure of a backup that waited `limit` milliseconds for a lock. Pure. */
export function blockedError(wait: LockWait | undefined, limit: number, cause?: unknown): DataopsError {
  const seconds = `${Math.round(limit / 100) / 10} s`;
  if (wait === undefined) {
    return new DataopsError("failed", `waited ${seconds} for a lock on a table`, {
      hint: "run it again when migrations are over, or raise `lockWaitTimeout`",
      cause,
    });
  }
  const about = [
    wait.blockerUser === null ? "" : `user ${wait.blockerUser}`,
    wait.blockerApplication ?? "",
    wait.blockerState ?? "",
  ].filter((part) => part !== "");
  const who = about.length === 0 ? "" : ` (${about.join(", ")})`;
  const what = wait.relation ?? "a lock";
  return new DataopsError(
    "failed",
    `waited ${seconds} for ${what}, which process ${wait.blocker}${who} keeps locked`.replaceAll(
      /\s*\n\s*/g,
      " ",
    ),
    {
      hint: `run it again later, or end that session: SELECT pg_terminate_backend(${wait.blocker}); \`lockWaitTimeout\` is configurable`,
      cause,
    },
  );
}
