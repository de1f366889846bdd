import { Socket } from "node:net";
import pg from "pg";
import type { ConnectionSettings } from "../config/connection.ts";
import { DataopsError } from "../errors.ts";
import { requestCancel, type CancelKey } from "./cancel.ts";
import { currentPassword } from "./fresh-password.ts";
import {
  connectionError,
  describePlace,
  isTlsFailure,
  SQL_STATES,
  sqlStateOf,
  statementError,
} from "./postgres-error.ts";
import type { Environment } from "../config/environment.ts";
import { tlsAttempts, type TlsAttempt } from "./tls.ts";

/** What the driver's types leave out, of what it has had since its first versions. */
declare module "pg" {
  interface Client {
    readonly processID: number;
    readonly secretKey: number;
    readonly connectionParameters: { options: unknown; replication: unknown };
  }
}

/** Milliseconds that a closing connection may take before its socket is simply dropped. */
const CLOSE_TIMEOUT = 2_000;
const KEEP_ALIVE_DELAY = 30_000;

export type Row = Record<string, unknown>;

/** One open connection, for one thing at a time. Dispose it. */
export interface PostgresClient extends AsyncDisposable {
  /** Where it is connected to; `database` is the one that was asked for. */
  readonly settings: ConnectionSettings;
  /** The driver's client, for COPY and for what else `query` does not do. Its errors are the driver's. */
  readonly raw: pg.Client;
  /** The backend's process id as the connection was told it; a pooler tells a made-up one. */
  readonly processId: number;
  /** Whether the connection is gone, by whomever. */
  readonly closed: boolean;
  /**
   * Runs one statement and gives its rows; without `parameters` several statements may stand in `sql`, and the last one's
   * rows are given. `bigint` and `numeric` come as text.
   *
   * @throws DataopsError `notPermitted`, `unreachable` (connection lost), else `failed`; `sqlStateOf` tells them apart.
   *   After an abort: the signal's reason.
   */
  query<R extends Row = Row>(sql: string, parameters?: readonly unknown[]): Promise<R[]>;
}

export interface ConnectOptions {
  /** `dataops:<run id>`: what `pg_stat_activity` shows. */
  applicationName: string;
  /** Ends the connection, and what runs on it on the server, when it fires. */
  signal?: AbortSignal | undefined;
  /** Another database of the same server. */
  database?: string | undefined;
  /** Where `HOME` and `PGPASSFILE` are looked up. Nothing else is taken from it. */
  environment?: Environment | undefined;
}

/**
 * Opens a connection as libpq would: same TLS meaning, same passfile, no `PG*` variable of the environment.
 *
 * @throws DataopsError `unreachable` (no server, no such database, TLS), `notPermitted` (user, password, pg_hba.conf),
 *   `usage` (certificate files); after an abort: the signal's reason
 */
export async function connect(
  settings: ConnectionSettings,
  options: ConnectOptions,
): Promise<PostgresClient> {
  const { signal } = options;
  signal?.throwIfAborted();
  const environment = options.environment ?? process.env;
  const target = options.database === undefined ? settings : { ...settings, database: options.database };
  const password = await currentPassword(target, environment, signal);
  const attempts = await tlsAttempts(target, environment);
  let failure: unknown;
  for (const tls of attempts) {
    try {
      return await openConnection(target, {
        tls,
        password,
        applicationName: options.applicationName,
        signal,
      });
    } catch (error) {
      signal?.throwIfAborted();
      // The first attempt's failure is what to report, unless the other says more than that TLS is not to be had.
      if (failure === undefined || isTlsFailure(failure)) failure = error;
      if (!isTlsFailure(error) && sqlStateOf(error) !== SQL_STATES.invalidAuthorization) break;
    }
  }
  throw connectionError(failure, target);
}

interface OpenOptions {
  tls: TlsAttempt;
  password: string | undefined;
  applicationName: string;
  signal: AbortSignal | undefined;
}

async function openConnection(settings: ConnectionSettings, options: OpenOptions): Promise<PostgresClient> {
  options.signal?.throwIfAborted();
  const socket = new Socket();
  const raw = new pg.Client({
    host: settings.host,
    port: settings.port,
    user: settings.user,
    database: settings.database,
    password: () => options.password ?? failWithoutPassword(settings),
    ssl: options.tls,
    sslnegotiation: "postgres",
    application_name: options.applicationName,
    connectionTimeoutMillis: settings.connectTimeout * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY,
    stream: () => socket,
  });
  dropInheritedParameters(raw);
  // Without a listener an error on an idle connection would end the process; `closed` and the next query tell of it.
  raw.on("error", () => undefined);
  const abort = (): void => void socket.destroy();
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    await raw.connect();
    options.signal?.throwIfAborted();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
  return new Connection(raw, settings, options.signal);
}

/** The driver fills these from PGOPTIONS and PGREPLICATION, whatever it is given. */
function dropInheritedParameters(raw: pg.Client): void {
  raw.connectionParameters.options = undefined;
  raw.connectionParameters.replication = undefined;
}

function failWithoutPassword(settings: ConnectionSettings): never {
  throw new DataopsError(
    "notPermitted",
    `${describePlace(settings)} asks for a password, and there is none`,
    {
      hint: `add it to ${settings.origin}, or to ~/.pgpass (readable by you alone)`,
    },
  );
}

class Connection implements PostgresClient {
  readonly raw: pg.Client;
  readonly settings: ConnectionSettings;
  readonly processId: number;
  readonly #signal: AbortSignal | undefined;
  readonly #cancelKey: CancelKey;
  #closed = false;
  #aborting: Promise<void> | undefined;

  constructor(raw: pg.Client, settings: ConnectionSettings, signal: AbortSignal | undefined) {
    this.raw = raw;
    this.settings = settings;
    this.#signal = signal;
    this.processId = raw.processID;
    this.#cancelKey = { processId: raw.processID, secretKey: raw.secretKey };
    raw.once("end", () => {
      this.#closed = true;
    });
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  get closed(): boolean {
    return this.#closed;
  }

  async query<R extends Row = Row>(sql: string, parameters?: readonly unknown[]): Promise<R[]> {
    this.#signal?.throwIfAborted();
    try {
      const result = await this.raw.query<R>(sql, parameters === undefined ? undefined : [...parameters]);
      // Several statements in one string give an array of results, which the types do not tell.
      const results: readonly pg.QueryResult<R>[] = Array.isArray(result) ? result : [result];
      return results.at(-1)?.rows ?? [];
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw statementError(error, this.settings);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await this.#aborting;
    await this.#close();
  }

  readonly #onAbort = (): void => {
    // Dropping the socket alone would leave a long statement running on the server until it next writes.
    const { host, port } = this.settings;
    this.#aborting = requestCancel(host, port, this.#cancelKey).then(() => this.#close());
  };

  async #close(): Promise<void> {
    if (this.#closed) return;
    const { promise: timeout, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT);
    await Promise.race([this.raw.end(), timeout]);
    clearTimeout(timer);
    if (!this.#closed) this.raw.connection.stream.destroy();
    this.#closed = true;
  }
}
