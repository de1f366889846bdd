import type { ConnectionSettings } from "../../config/connection.ts";
import { DataopsError } from "../../errors.ts";
import { connect, type ConnectOptions, type PostgresClient } from "../../postgres/client.ts";
import { SQL_STATES, sqlStateOf } from "../../postgres/postgres-error.ts";
import { findStamp } from "../../postgres/database-stamp.ts";
import { isSameServer, readArrival, type Arrival } from "./arrival.ts";
import type { TargetFacts } from "./guard.ts";

/** How to open the connections; the database is chosen here. */
export type FactsOptions = Omit<ConnectOptions, "database">;

/** Every server has the second one; whoever is connected to it keeps others from copying it. */
const MAINTENANCE_DATABASES = ["postgres", "template1"];

/** `ALLOW_CONNECTIONS false`. */
const NOT_ACCEPTING_CONNECTIONS = "55000";

/** The server answers, and lets nobody, or not this role, into the database. */
const CLOSED: ReadonlySet<string | undefined> = new Set([
  NOT_ACCEPTING_CONNECTIONS,
  SQL_STATES.invalidAuthorization,
  SQL_STATES.insufficientPrivilege,
  SQL_STATES.tooManyConnections,
]);

/**
 * Connects to the target's server for what cannot be done from inside the target: creating, renaming, dropping it.
 *
 * @throws DataopsError as `connect` does; `refused` where something in between redirects
 */
export async function connectMaintenance(
  settings: ConnectionSettings,
  options: FactsOptions,
): Promise<PostgresClient> {
  let failure: unknown;
  for (const database of MAINTENANCE_DATABASES) {
    if (database === settings.database) continue;
    try {
      const client = await connect(settings, { ...options, database });
      await requireArrival(client, database);
      await stayConnected(client);
      return client;
    } catch (error) {
      const state = sqlStateOf(error);
      if (!CLOSED.has(state) && state !== SQL_STATES.noSuchDatabase) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** It is idle while the restore runs, which may take hours. The setting is there since PostgreSQL 14. */
async function stayConnected(client: PostgresClient): Promise<void> {
  await client.query(
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'",
  );
}

/** A pooler can lead every name into one database, which could then not be renamed from here. */
async function requireArrival(client: PostgresClient, database: string): Promise<void> {
  try {
    const arrival = await readArrival(client);
    if (arrival.database === database) return;
    throw new DataopsError(
      "refused",
      `${client.settings.origin}, asked for database ${database}, leads to database ${arrival.database}`,
      { hint: "something in between redirects: give the server's own address" },
    );
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Reads what the guard judges: name, oid and stamp on `maintenance`, which will act, and the content in the database itself.
 *
 * @throws DataopsError as `connect` and `PostgresClient.query` do
 */
export async function readTargetFacts(
  maintenance: PostgresClient,
  target: ConnectionSettings,
  options: FactsOptions,
): Promise<TargetFacts> {
  const name = target.database;
  const here = await readArrival(maintenance);
  const entry = await readEntry(maintenance, name);
  const visit = await visitDatabase(target, options);
  return {
    name,
    oid: entry?.oid,
    systemIdentifier: here.systemIdentifier,
    stamp: findStamp(entry?.settings ?? [], entry?.comment ?? null),
    hasContent: visit.hasContent,
    arrivedAt: findDetour({ name, oid: entry?.oid }, here, visit),
    isLocal: here.isLocal && (visit.arrival?.isLocal ?? true),
    inRecovery: here.inRecovery,
  };
}

interface Entry extends Record<string, unknown> {
  oid: number;
  settings: string[] | null;
  comment: string | null;
}

async function readEntry(maintenance: PostgresClient, name: string): Promise<Entry | undefined> {
  const [entry] = await maintenance.query<Entry>(
    `SELECT database.oid, setting.setconfig AS settings,
            pg_catalog.shobj_description(database.oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database AS database
       LEFT JOIN pg_catalog.pg_db_role_setting AS setting
         ON setting.setdatabase = database.oid AND setting.setrole = 0
      WHERE database.datname = $1`,
    [name],
  );
  return entry;
}

/** What the target's own connection told. */
interface Visit {
  /** Whether the server at the end knows a database of that name. */
  exists: boolean;
  /** Undefined where nobody got in. */
  arrival: Arrival | undefined;
  hasContent: boolean;
}

async function visitDatabase(target: ConnectionSettings, options: FactsOptions): Promise<Visit> {
  try {
    await using client = await connect(target, options);
    return { exists: true, arrival: await readArrival(client), hasContent: await hasContent(client) };
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === SQL_STATES.noSuchDatabase) return { exists: false, arrival: undefined, hasContent: false };
    // What cannot be looked into may hold anything.
    if (CLOSED.has(state)) return { exists: true, arrival: undefined, hasContent: true };
    throw error;
  }
}

/** Tables of every kind, views, sequences and large objects, but for what an extension brought along. */
async function hasContent(client: PostgresClient): Promise<boolean> {
  const [row] = await client.query<{ found: boolean }>(
    `SELECT EXISTS (
              SELECT FROM pg_catalog.pg_class AS relation
                JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
               WHERE relation.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
                 AND relation.relpersistence <> 't'
                 AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
                 AND NOT EXISTS (
                       SELECT FROM pg_catalog.pg_depend AS dependency
                        WHERE dependency.classid = 'pg_catalog.pg_class'::regclass
                          AND dependency.objid = relation.oid
                          AND dependency.deptype = 'e'))
         OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) AS found`,
  );
  return row?.found ?? true;
}

/** Where the target's settings lead, if not to the database that the maintenance connection knows by that name. */
function findDetour(
  expected: { name: string; oid: number | undefined },
  here: Arrival,
  { exists, arrival }: Visit,
): string | undefined {
  const elsewhere = `${arrival?.database ?? expected.name} of another server`;
  if (arrival === undefined) return exists === (expected.oid !== undefined) ? undefined : elsewhere;
  if (!isSameServer(here, arrival)) return elsewhere;
  if (arrival.database !== expected.name) return arrival.database;
  return arrival.databaseOid === expected.oid ? undefined : elsewhere;
}
