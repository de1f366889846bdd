import type { ConnectionSettings } from "../../config/connection.ts";
import type { Environment } from "../../config/environment.ts";
import { messageOf } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { connect, type PostgresClient } from "../../postgres/client.ts";
import { SQL_STATES, sqlStateOf } from "../../postgres/postgres-error.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import { readConnectingRole, type ConnectingRole } from "./connecting-role.ts";
import { copyDatabase, type ScratchTemplate } from "./copy-database.ts";
import { createEmptyDatabase } from "./create-database.ts";
import { letLoaderUse } from "./create-extensions.ts";
import type { SourceLocale } from "./locale.ts";
import { scratchName, templateRoleName, temporaryRoleName } from "./names.ts";
import { dropScratch, endRole } from "./drop.ts";
import { requireLogin } from "./require-login.ts";
import { createTemporaryRole, type TemporaryRole } from "./temporary-role.ts";

/** The database that a restore builds in, before it takes the target's name. */

export interface ScratchRequest {
  target: string;
  /** Begins with a UTC stamp, as a backup's id does. */
  runId: string;
  /** Encoding and locale that the result is to have. */
  source: SourceLocale;
  /** Who is to own the result; undefined: the connecting role. */
  owner: string | undefined;
  /** Whether a superuser loads as such. Then what the backup says runs as superuser. */
  asSuperuser: boolean;
  /** What to begin with instead of an empty database. */
  template?: ScratchTemplate | undefined;
  reporter: Reporter;
  signal: AbortSignal;
  /** Where passfiles are looked up. */
  environment: Environment;
}

/** Disposing it drops the database and the role, unless it was released. */
export interface Scratch extends AsyncDisposable {
  readonly name: string;
  /** How who loads logs in to it. */
  readonly loader: ConnectionSettings;
  /** The locale that stands in for the backup's, which this server does not have; null where none does. */
  readonly substituteLocale: string | null;
  /** Who made it, and whose it is to be. */
  readonly who: ConnectingRole;
  /** The role that the loader takes on once logged in (`SET ROLE`); undefined: none. */
  readonly actAs: string | undefined;
  /** A new connection to it as who loads. */
  connectAsLoader(): Promise<PostgresClient>;
  /** A new connection to it as the connecting role. It must run nothing that came with the backup. */
  connectAsAdmin(): Promise<PostgresClient>;
  /** Makes everything in it, and itself, the owner's, and drops the temporary role. Nobody may be connected as it. */
  handOver(): Promise<void>;
  /** From now on something else needs the temporary role: in the end it is retired, not dropped. */
  keepRole(): void;
  /** From now on it is not ours to drop: it has its new name. */
  release(): void;
}

/**
 * Creates the scratch database of one run, and the role that loads into it. Until `handOver` nobody else may connect.
 *
 * A superuser never loads itself, because a backup's functions run while it is loaded: it makes a role for it. SET ROLE
 * would not do, for a function may reset it.
 *
 * @param maintenance a connection to another database of the server, as the connecting role
 * @throws DataopsError `refused` where the role made for loading cannot log in, `notPermitted`; after an abort: the
 *   signal's reason
 */
export async function createScratch(maintenance: PostgresClient, request: ScratchRequest): Promise<Scratch> {
  const name = scratchName(request.target, request.runId);
  const who = await readConnectingRole(maintenance, request);
  const scratch = new ScratchDatabase(maintenance, request, name, who);
  try {
    await scratch.create();
    return scratch;
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}

class ScratchDatabase implements Scratch {
  readonly name: string;
  readonly #maintenance: PostgresClient;
  readonly #request: ScratchRequest;
  readonly who: ConnectingRole;
  #substituteLocale: string | null = null;
  #role: TemporaryRole | undefined;
  #keepsRole = false;
  /** What there may be to drop: set before the server is asked to make it. */
  readonly #mayExist = { database: false, role: false };

  constructor(maintenance: PostgresClient, request: ScratchRequest, name: string, who: ConnectingRole) {
    this.#maintenance = maintenance;
    this.#request = request;
    this.name = name;
    this.who = who;
  }

  get substituteLocale(): string | null {
    return this.#substituteLocale;
  }

  get loader(): ConnectionSettings {
    const settings = { ...this.#maintenance.settings, database: this.name };
    const role = this.#role;
    return role?.password === undefined
      ? settings
      : { ...settings, user: role.name, password: role.password, rdsToken: undefined };
  }

  get actAs(): string | undefined {
    if (this.#role !== undefined) return this.#role.password === undefined ? this.#role.name : undefined;
    return this.who.owner === this.who.role ? undefined : this.who.owner;
  }

  async create(): Promise<void> {
    const { runId, asSuperuser, template, reporter } = this.#request;
    if (this.who.isSuperuser) {
      if (asSuperuser) reporter.warn("loading as a superuser: what is loaded can do anything to this server");
      await this.#createRole(runId, asSuperuser);
    }
    await this.#createDatabase();
    const database = quoteIdentifier(this.name);
    await this.#asDatabaseOwner(`REVOKE CONNECT, TEMPORARY ON DATABASE ${database} FROM PUBLIC`);
    if (this.#connectsForOwner) {
      const role = quoteIdentifier(this.who.role);
      await this.#asDatabaseOwner(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
    }
    if (template !== undefined) await this.#adopt(template);
    await requireLogin(this, this.#role);
  }

  connectAsLoader(): Promise<PostgresClient> {
    const begin = this.actAs === undefined ? undefined : `SET ROLE ${quoteIdentifier(this.actAs)}`;
    return this.#connect(this.loader, begin);
  }

  connectAsAdmin(): Promise<PostgresClient> {
    const settings = { ...this.#maintenance.settings, database: this.name };
    // What is found by name is to be the server's own, whatever the backup put into its schemas.
    return this.#connect(settings, "SET search_path = pg_catalog, pg_temp");
  }

  async handOver(): Promise<void> {
    const database = quoteIdentifier(this.name);
    if (this.#role !== undefined) await this.#endSessionsOf(this.#role);
    // The loader owned the database, and could give it settings that the next session would start with.
    await this.#asDatabaseOwner(`ALTER DATABASE ${database} RESET ALL`);
    if (this.#role !== undefined) await this.#reassign(this.#role);
    await this.#asDatabaseOwner(`GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO PUBLIC`);
    if (this.#connectsForOwner) {
      const role = quoteIdentifier(this.who.role);
      await this.#asDatabaseOwner(`REVOKE CONNECT ON DATABASE ${database} FROM ${role}`);
    }
  }

  keepRole(): void {
    this.#keepsRole = true;
  }

  release(): void {
    this.#mayExist.database = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { database, role } = this.#mayExist;
    if (!database && !role) return;
    const { environment, reporter, runId } = this.#request;
    const end = this.#keepsRole ? "retire" : "drop";
    try {
      await dropScratch(this.#maintenance.settings, {
        database: database ? this.name : undefined,
        role: role ? { runId, end } : undefined,
        applicationName: `dataops:${runId}`,
        environment,
      });
      this.#mayExist.database = false;
      this.#mayExist.role = false;
    } catch (error) {
      reporter.warn("what was built so far could not be dropped; the next run tries again after a day", {
        database: database ? this.name : undefined,
        role: role ? temporaryRoleName(runId) : undefined,
        reason: messageOf(error),
      });
    }
  }

  /** Whether the connecting role needs a right of its own: it might not inherit the owner's. */
  get #connectsForOwner(): boolean {
    return !this.who.isSuperuser && this.who.owner !== this.who.role;
  }

  async #endSessionsOf({ name }: TemporaryRole): Promise<void> {
    await this.#maintenance.query(`ALTER ROLE ${quoteIdentifier(name)} NOLOGIN`);
    await this.#maintenance.query(
      "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = $1",
      [name],
    );
  }

  async #reassign({ name }: TemporaryRole): Promise<void> {
    const role = quoteIdentifier(name);
    {
      await using admin = await this.connectAsAdmin();
      await admin.query(
        `REASSIGN OWNED BY ${role} TO ${quoteIdentifier(this.who.owner)}; DROP OWNED BY ${role}`,
      );
    }
    await endRole(this.#maintenance, {
      runId: this.#request.runId,
      end: this.#keepsRole ? "retire" : "drop",
    });
    this.#role = undefined;
    this.#mayExist.role = false;
  }

  async #createRole(runId: string, asSuperuser: boolean): Promise<void> {
    this.#mayExist.role = true;
    try {
      this.#role = await createTemporaryRole(this.#maintenance, runId, asSuperuser ? "own" : "load");
    } catch (error) {
      if (sqlStateOf(error) === SQL_STATES.duplicateObject) this.#mayExist.role = false;
      throw error;
    }
  }

  async #createDatabase(): Promise<void> {
    const { source, template, reporter } = this.#request;
    const { serverVersion } = this.who;
    const made = { name: this.name, owner: this.#role?.name ?? this.who.owner };
    this.#mayExist.database = true;
    try {
      if (template !== undefined) await copyDatabase(this.#maintenance, { ...made, from: template.name });
      this.#substituteLocale =
        template === undefined
          ? await createEmptyDatabase(this.#maintenance, { ...made, source, serverVersion })
          : template.locale;
    } catch (error) {
      // A statement that the server answered with an error made nothing; one that was cut off may have.
      if (sqlStateOf(error) !== undefined) this.#mayExist.database = false;
      throw error;
    }
    if (this.#substituteLocale === null) return;
    reporter.warn("this server does not have the locale that is wanted; text may sort otherwise", {
      wanted: source.locale ?? source.collate,
      used: this.#substituteLocale,
    });
  }

  /** Makes what was another run's this one's, and lets the loader in, once nobody else can come. */
  async #adopt({ run }: ScratchTemplate): Promise<void> {
    await this.#asDatabaseOwner(`ALTER DATABASE ${quoteIdentifier(this.name)} ALLOW_CONNECTIONS true`);
    if (this.#role === undefined) return;
    const from = quoteIdentifier(templateRoleName(run));
    await using admin = await this.connectAsAdmin();
    await admin.query(
      `REASSIGN OWNED BY ${from} TO ${quoteIdentifier(this.#role.name)}; DROP OWNED BY ${from}`,
    );
    await letLoaderUse(admin, this.actAs ?? this.loader.user);
  }

  /** Grants on a database are its owner's to make. A superuser makes them in the owner's name. */
  async #asDatabaseOwner(sql: string): Promise<void> {
    if (this.who.isSuperuser || this.who.owner === this.who.role) {
      await this.#maintenance.query(sql);
      return;
    }
    await this.#maintenance.query(`SET ROLE ${quoteIdentifier(this.who.owner)}`);
    try {
      await this.#maintenance.query(sql);
    } finally {
      if (!this.#maintenance.closed) await this.#maintenance.query("RESET ROLE");
    }
  }

  async #connect(settings: ConnectionSettings, begin: string | undefined): Promise<PostgresClient> {
    const { signal, environment } = this.#request;
    const client = await connect(settings, {
      applicationName: `dataops:${this.#request.runId}`,
      signal,
      environment,
    });
    try {
      if (begin !== undefined) await client.query(begin);
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }
}
