import { createHash } from "node:crypto";
import type { ConnectionSettings } from "../config/connection.ts";
import { DataopsError, messageOf } from "../errors.ts";
import { connect, type PostgresClient } from "../postgres/client.ts";
import { detectPooler } from "../postgres/pooler.ts";
import { jobTitle, type Job } from "../repository/job.ts";
import { fencedError, type JobLock } from "./job-lock.ts";
import type { Holder } from "./lease-record.ts";

/** How often the session is asked for a sign of life while a lease would last once. */
const LOOKS = 3;

export interface AdvisoryLockRequest {
  /** The job's own database. */
  database: ConnectionSettings;
  job: Job;
  /** Milliseconds after which a session that does not answer counts as lost. */
  duration: number;
  makeHolder: () => Holder;
  signal: AbortSignal;
}

/**
 * The two numbers that stand for a job among a database's advisory locks. Nothing of the storage is in them: what first
 * runs agree on there is not certain before one of them holds the lock. Pure.
 */
function advisoryKeys({ kind, name }: Job): [number, number] {
  const digest = createHash("sha256").update(`dataops ${kind} ${name}`).digest();
  return [digest.readInt32BE(0), digest.readInt32BE(4)];
}

/**
 * Takes the session-level advisory lock that stands for a job, on a connection of its own: what holds a job where the
 * storage's conditional writes are not real. It is held for as long as the session lives; a server drops a dead session.
 *
 * @throws DataopsError `busy` where another session holds it, `refused` for a pooler; as `connect` does
 */
export async function acquireAdvisoryLock(request: AdvisoryLockRequest): Promise<JobLock> {
  const { database, job, signal } = request;
  const holder = request.makeHolder();
  const applicationName = `dataops:${holder.run}`;
  // Without the signal: the lock must outlive an abort, until all is released.
  signal.throwIfAborted();
  const client = await connect(database, { applicationName });
  try {
    if (await detectPooler(client, { applicationName, signal })) throw poolerError(database);
    const keys = advisoryKeys(job);
    const [row] = await client.query<{ taken: boolean }>(
      "SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int) AS taken",
      keys,
    );
    if (row?.taken !== true) throw await heldError(client, job, keys);
    return new AdvisoryLock(client, { ...request, holder });
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

class AdvisoryLock implements JobLock {
  readonly generation = 0;
  readonly unsettled: readonly Holder[] = [];
  readonly holder: Holder;
  readonly #client: PostgresClient;
  readonly #job: Job;
  readonly #duration: number;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(
    client: PostgresClient,
    { job, duration, holder }: Pick<AdvisoryLockRequest, "job" | "duration"> & { holder: Holder },
  ) {
    this.#client = client;
    this.#job = job;
    this.#duration = duration;
    this.holder = holder;
    this.#timer = setInterval(() => void this.#look().catch(() => undefined), duration / LOOKS);
    client.raw.once("end", this.#onEnd);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    if (this.#client.closed) this.#onEnd();
    return !this.#lost.signal.aborted;
  }

  settled(): void {}

  async confirm(): Promise<void> {
    await this.#look();
    this.#lost.signal.throwIfAborted();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    this.#client.raw.removeListener("end", this.#onEnd);
    await this.#client[Symbol.asyncDispose]();
  }

  readonly #onEnd = (): void => this.#lose("its session in the database ended");

  /** A session that answers holds its locks. */
  async #look(): Promise<void> {
    const { promise: silence, resolve } = Promise.withResolvers<"silent">();
    const timer = setTimeout(() => resolve("silent"), this.#duration);
    try {
      const answer = await Promise.race([this.#client.query("SELECT 1"), silence]);
      if (answer === "silent") this.#lose("its session in the database does not answer");
    } catch (error) {
      this.#lose(`its session in the database failed: ${messageOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(why: string): void {
    clearInterval(this.#timer);
    this.#lost.abort(fencedError(this.#job, why));
  }
}

/** Who holds the lock, as far as the server tells: its session has the run's id for a name. */
async function heldError(
  client: PostgresClient,
  job: Job,
  [high, low]: [number, number],
): Promise<DataopsError> {
  const [session] = await client.query<{ name: string; since: Date; place: string | null }>(
    `SELECT activity.application_name AS name, activity.backend_start AS since,
            COALESCE(activity.client_hostname, host(activity.client_addr)) AS place
       FROM pg_catalog.pg_locks AS lock
       JOIN pg_catalog.pg_stat_activity AS activity USING (pid)
      WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 2
        AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND lock.classid::bigint = $1::bigint & 4294967295 AND lock.objid::bigint = $2::bigint & 4294967295`,
    [high, low],
  );
  const who =
    session === undefined
      ? "by a session that has just ended"
      : `run ${session.name.replace(/^dataops:/, "")} from ${session.place ?? "this machine"}, since ${session.since.toISOString()}`;
  return new DataopsError("busy", `${jobTitle(job)} is being run already: ${who}`, {
    hint: "wait for it to end, or end its session in the database",
  });
}

function poolerError({ origin }: ConnectionSettings): DataopsError {
  return new DataopsError(
    "refused",
    "the connection goes through a pooler that shares server sessions, where the lock of a job cannot be held",
    { hint: `give the server's own address in ${origin}` },
  );
}
