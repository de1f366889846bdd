import { setTimeout as sleep } from "node:timers/promises";
import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { describeSession, findLockWaits, type LockWait } from "../postgres/lock-waits.ts";

/** Milliseconds between two looks. */
const POLL_INTERVAL = 250;

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
    const waits = await findLockWaits(client, applicationName);
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
  const { blocker, blockerUser, blockerApplication, blockerState } = wait;
  const user = blockerUser === null ? null : `user ${blockerUser}`;
  const who = describeSession(blocker, [user, blockerApplication, blockerState]);
  const what = (wait.relation ?? "a lock").replaceAll(/\s*\n\s*/g, " ");
  return new DataopsError("failed", `waited ${seconds} for ${what}, which ${who} keeps locked`, {
    hint: `run it again later, or end that session: SELECT pg_terminate_backend(${blocker}); \`lockWaitTimeout\` is configurable`,
    cause,
  });
}
