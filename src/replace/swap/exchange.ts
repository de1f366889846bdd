import { setTimeout as sleep } from "node:timers/promises";
import { DataopsError } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { connect, type ConnectOptions, type PostgresClient } from "../../postgres/client.ts";
import { SQL_STATES, sqlStateOf } from "../../postgres/postgres-error.ts";
import { isSameServer, readArrival } from "../guard/arrival.ts";
import { renameDatabases, type Permission, type Rename, type RenamePlan } from "../guard/destructive.ts";
import {
  describeSessions,
  endSession,
  listPreparedTransactions,
  listSessions,
  type Session,
} from "./sessions.ts";

/** Databases changing names under the eyes of whoever uses them: what `swap` and `undo` share. */
export interface ExchangeOptions {
  runId: string;
  /** Ends the sessions that are in the way. */
  force: boolean;
  /** Milliseconds to wait for sessions to leave by themselves. */
  waitForSessions: number;
  reporter: Reporter;
  /** For a second connection to the same server. */
  connection: Omit<ConnectOptions, "database">;
}

/** How an exchange went. */
export interface ExchangeOutcome {
  /** The name under which the replaced database is kept; undefined where there is none. */
  old: string | undefined;
  endedSessions: Session[];
}

export type ExchangePlan = Pick<RenamePlan, "renames" | "prepare">;

/** Milliseconds between two looks at who is there. */
const POLL_INTERVAL = 250;
/** Milliseconds between two rounds of ending sessions. The server waits 5 s for them, inside a rename. */
const ENDING_INTERVAL = 100;
const FORCED_ATTEMPTS = 3;

const IN_USE: ReadonlySet<string | undefined> = new Set([
  SQL_STATES.objectInUse,
  SQL_STATES.lockNotAvailable,
]);

/**
 * Carries out a plan of renames once nobody is in the way.
 *
 * @param makePlan called for every attempt
 * @returns the sessions that were ended
 * @throws DataopsError `refused` where the guard says no by now, or sessions do not leave: then nothing was renamed
 */
export async function exchange(
  permission: Permission,
  makePlan: () => Promise<ExchangePlan>,
  options: ExchangeOptions,
): Promise<Session[]> {
  const { force, runId } = options;
  const deadline = performance.now() + options.waitForSessions;
  const tried = new Map<number, Attempt>();
  await using second = force ? await connectBeside(permission.maintenance, options) : undefined;
  for (let attempt = 1; ; attempt++) {
    const plan = await makePlan();
    const oids = oidsOf(plan.renames);
    // To try would keep everybody out for the 5 s that a rename waits.
    const isFree = force || (await waitForSessions(permission.maintenance, oids, deadline, options));
    if (!isFree) throw await inUse(permission, oids, options);
    await permission.renew();
    try {
      await renameDatabases(permission, {
        ...plan,
        runId,
        meanwhile:
          second === undefined
            ? undefined
            : (renamed) => endUntil(renamed, { client: second, oids, tried, reporter: options.reporter }),
      });
      return [...tried.values()].filter(({ ended }) => ended).map(({ session }) => session);
    } catch (error) {
      if (sqlStateOf(error) === SQL_STATES.duplicateDatabase) throw overtaken(permission.name, error);
      if (!IN_USE.has(sqlStateOf(error))) throw error;
      const isStuck = [...tried.values()].some(({ ended }) => !ended);
      const over = force ? isStuck || attempt >= FORCED_ATTEMPTS : performance.now() >= deadline;
      if (over) throw await inUse(permission, oids, options, error);
    }
  }
}

/** Two runs planned with the same names, and the other one was first. */
function overtaken(name: string, cause: unknown): DataopsError {
  return new DataopsError("refused", `another run has just exchanged database ${name}`, {
    hint: "look at it, then run this again",
    cause,
  });
}

/** @returns whether all have left by the deadline */
async function waitForSessions(
  client: PostgresClient,
  oids: readonly number[],
  deadline: number,
  { reporter, connection }: ExchangeOptions,
): Promise<boolean> {
  let named = "";
  for (;;) {
    const sessions = await listSessions(client, oids);
    if (sessions.length === 0) return true;
    const names = describeSessions(sessions);
    if (names !== named) report(reporter, "waiting for", sessions);
    named = names;
    if (performance.now() >= deadline) return false;
    await pause(POLL_INTERVAL, connection.signal);
  }
}

function report(reporter: Reporter, action: string, sessions: readonly Session[]): void {
  const count = sessions.length === 1 ? "1 session" : `${sessions.length} sessions`;
  reporter.info(`${action} ${count}: ${describeSessions(sessions)}`, {
    processes: sessions.map(({ processId }) => String(processId)),
  });
}

/** The server asked for the pid must be the one that has the session: another one's processes are none of ours. */
async function connectBeside(
  maintenance: PostgresClient,
  { connection }: ExchangeOptions,
): Promise<PostgresClient> {
  const second = await connect(maintenance.settings, connection);
  if (isSameServer(await readArrival(maintenance), await readArrival(second))) return second;
  await second[Symbol.asyncDispose]();
  throw new DataopsError("refused", "two connections with the same settings led to two servers", {
    hint: "something in between redirects: give the server's own address",
  });
}

interface Attempt {
  session: Session;
  ended: boolean;
}

interface Ending {
  client: PostgresClient;
  oids: readonly number[];
  /** By process id: a session takes a moment to end, and is told again meanwhile. */
  tried: Map<number, Attempt>;
  reporter: Reporter;
}

/** Ends sessions until the renames are through or have failed. They hold the door shut: nobody new comes in. */
async function endUntil(renamed: Promise<void>, { client, oids, tried, reporter }: Ending): Promise<void> {
  const settled = new AbortController();
  const settle = (): void => settled.abort();
  renamed.then(settle, settle);
  while (!settled.signal.aborted) {
    const sessions = await listSessions(client, oids);
    const news = sessions.filter(({ processId }) => !tried.has(processId));
    if (news.length > 0) report(reporter, "ending", news);
    for (const session of news)
      tried.set(session.processId, { session, ended: await endSession(client, session) });
    await pause(ENDING_INTERVAL, settled.signal).catch(() => undefined);
  }
}

async function inUse(
  { maintenance, name }: Permission,
  oids: readonly number[],
  { force }: ExchangeOptions,
  cause?: unknown,
): Promise<DataopsError> {
  const sessions = await listSessions(maintenance, oids);
  const prepared = await listPreparedTransactions(maintenance, oids);
  const users = [
    ...(sessions.length > 0 ? [describeSessions(sessions)] : []),
    ...(prepared.length > 0 ? [`prepared transactions ${prepared.join(", ")}`] : []),
  ];
  const by = users.length > 0 ? ` by ${users.join("; ")}` : "";
  return new DataopsError("refused", `database ${name} is in use${by}`, { hint: wayOut(), cause });

  function wayOut(): string {
    if (prepared.length > 0) return "end them with COMMIT PREPARED or ROLLBACK PREPARED";
    if (!force) return "close these sessions, or have them ended with --force";
    return "some come back at once, or this role may not end them: stop what opens them";
  }
}

function oidsOf(renames: readonly Rename[]): number[] {
  return [...new Set(renames.map(({ oid }) => oid))];
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
