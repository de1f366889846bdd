import { setTimeout as sleep } from "node:timers/promises";
import { DataopsError } from "../errors.ts";
import { humanDuration } from "../observe/human.ts";
import { connect, type PostgresClient } from "../postgres/client.ts";
import {
  describeSession,
  findLockQueue,
  findLockWaits,
  type LockQueued,
  type LockWait,
} from "../postgres/lock-waits.ts";
import { SQL_STATES, sqlStateOf } from "../postgres/postgres-error.ts";
import type { ReindexDependencies, ReindexRequest } from "./request.ts";

/** Milliseconds between two looks. */
const POLL_INTERVAL = 1_000;

export interface LockWatch extends AsyncDisposable {
  /** What to throw in place of `error`: where a lock was waited for too long, one that names it and who has it. */
  explain(error: unknown): unknown;
}

/**
 * Tells, while a run reads, who waits for its locks, and for whom it waits.
 *
 * Reading a table keeps nobody but who changes or empties it whole; yet behind an `ALTER TABLE` that waits for a load to end, all
 * who read that table wait as well, and that is an outage.
 *
 * @throws DataopsError as `connect` does
 */
export async function watchLocks(
  { run, reporter, environment }: ReindexDependencies,
  { connection, lockTimeout }: ReindexRequest,
): Promise<LockWatch> {
  const applicationName = `dataops:${run.id}`;
  const client = await connect(connection, { applicationName, signal: run.signal, environment });
  const ended = new AbortController();
  const seen: { wait: LockWait | undefined } = { wait: undefined };
  const told = new Set<string>();
  const tell = (line: string): void => {
    if (told.has(line)) return;
    told.add(line);
    reporter.warn(line);
  };
  // A watch that fails ends quietly: waits have their end by the server, and their errors are told.
  const watching = poll(client, ended.signal, async () => {
    const waits = await findLockWaits(client, applicationName);
    seen.wait = waits[0] ?? seen.wait;
    for (const wait of waits) tell(describeWait(wait));
    for (const queued of await findLockQueue(client, applicationName)) tell(describeQueued(queued));
  }).catch(() => undefined);
  return {
    explain: (error) => (isLockTimeout(error) ? lockError(seen.wait, lockTimeout, error) : error),
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watching;
      await client[Symbol.asyncDispose]();
    },
  };
}

async function poll(client: PostgresClient, ended: AbortSignal, look: () => Promise<void>): Promise<void> {
  while (!ended.aborted && !client.closed) {
    await look();
    await sleep(POLL_INTERVAL, undefined, { signal: ended });
  }
}

/** For people, while the run waits. */
export function describeWait({ relation, ...blocker }: LockWait): string {
  return `waiting for ${relation ?? "a lock"}, which ${describeBlocker(blocker)} keeps locked`;
}

/** For people: what to do is theirs to decide. */
export function describeQueued({ waiting, relation, user, application }: LockQueued): string {
  const who = describeSession(waiting, [user === null ? null : `user ${user}`, application]);
  const what = relation ?? "a lock";
  return `${who} waits for ${what}, which this run reads, and all who come after it wait, too: ending this run lets it through, and the next one goes on`;
}

/** The failure of a run that waited `limit` milliseconds for a lock. */
export function lockError(wait: LockWait | undefined, limit: number, cause: unknown): DataopsError {
  const waited = `waited ${humanDuration(limit)} for`;
  if (wait === undefined) {
    return new DataopsError("failed", `${waited} a lock on a table`, {
      hint: "run it again when migrations are over: it goes on where it stopped",
      cause,
    });
  }
  const what = wait.relation ?? "a lock";
  return new DataopsError("failed", `${waited} ${what}, which ${describeBlocker(wait)} keeps locked`, {
    hint: `run it again later, it goes on where it stopped; or end that session: SELECT pg_terminate_backend(${wait.blocker})`,
    cause,
  });
}

function describeBlocker({
  blocker,
  blockerUser,
  blockerApplication,
  blockerState,
}: Omit<LockWait, "relation" | "waiting">): string {
  const user = blockerUser === null ? null : `user ${blockerUser}`;
  return describeSession(blocker, [user, blockerApplication, blockerState]);
}

function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === SQL_STATES.lockNotAvailable;
}
