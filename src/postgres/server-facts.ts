import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "./client.ts";
import { findStamp } from "./database-stamp.ts";
import { readExtensions, readPolicies, type ExtensionFact, type PolicyFact } from "./catalog-facts.ts";

/** What identifies and describes the database a connection arrived at. The part of it that a manifest keeps. */
export interface SourceFacts {
  /** Of the cluster; the same on its standbys and in its physical copies. A 64-bit number as text. */
  systemIdentifier: string;
  databaseOid: number;
  databaseName: string;
  serverVersion: string;
  serverVersionNumber: number;
  encoding: string;
  collate: string;
  characterType: string;
  /** `c`, `i` or `b`: libc, ICU, builtin. */
  localeProvider: string;
  /** The ICU or builtin locale; null where the provider is libc. */
  locale: string | null;
  /** Bytes on the server's disk. */
  size: number;
  /** The write-ahead log position now; null where the server does not tell. */
  lsn: string | null;
  extensions: ExtensionFact[];
  policies: PolicyFact[];
}

/** Where a connection arrived, and as whom. Read on the very connection that will act. */
export interface ServerFacts {
  source: SourceFacts;
  /** The server's own address for this connection; null through a Unix socket. */
  address: { host: string; port: number } | null;
  /** Whether the server is a standby. */
  inRecovery: boolean;
  /** What the database is for, as `findStamp` has it; undefined where nobody has said so. */
  stamp: string | undefined;
  /** The role that acts, and the one that logged in. */
  role: string;
  sessionRole: string;
  isSuperuser: boolean;
  canCreateDatabase: boolean;
  /** The role that owns the database. */
  databaseOwner: string;
}

interface FactsRow extends Record<string, unknown> {
  databaseOid: number;
  databaseName: string;
  databaseOwner: string;
  serverVersion: string;
  serverVersionNumber: number;
  encoding: string;
  collate: string;
  characterType: string;
  localeProvider: string;
  locale: string | null;
  size: string;
  host: string | null;
  port: number | null;
  inRecovery: boolean;
  settings: string[] | null;
  comment: string | null;
  role: string;
  sessionRole: string;
  isSuperuser: boolean;
  canCreateDatabase: boolean;
}

/** Columns that not every version has are read through JSON: absent ones are null. */
const FACTS = `
SELECT database.oid AS "databaseOid",
       database.datname AS "databaseName",
       pg_catalog.pg_get_userbyid(database.datdba) AS "databaseOwner",
       pg_catalog.current_setting('server_version') AS "serverVersion",
       pg_catalog.current_setting('server_version_num')::int AS "serverVersionNumber",
       pg_catalog.pg_encoding_to_char(database.encoding) AS encoding,
       database.datcollate AS collate,
       database.datctype AS "characterType",
       coalesce(columns ->> 'datlocprovider', 'c') AS "localeProvider",
       coalesce(columns ->> 'datlocale', columns ->> 'daticulocale') AS locale,
       pg_catalog.pg_database_size(database.oid)::text AS size,
       pg_catalog.host(pg_catalog.inet_server_addr()) AS host,
       pg_catalog.inet_server_port() AS port,
       pg_catalog.pg_is_in_recovery() AS "inRecovery",
       setting.setconfig AS settings,
       pg_catalog.shobj_description(database.oid, 'pg_database') AS comment,
       current_user AS role,
       session_user AS "sessionRole",
       role.rolsuper AS "isSuperuser",
       role.rolsuper OR role.rolcreatedb AS "canCreateDatabase"
  FROM pg_catalog.pg_database AS database
 CROSS JOIN LATERAL pg_catalog.to_jsonb(database) AS columns
  JOIN pg_catalog.pg_roles AS role ON role.rolname = current_user
  LEFT JOIN pg_catalog.pg_db_role_setting AS setting ON setting.setdatabase = database.oid AND setting.setrole = 0
 WHERE database.datname = pg_catalog.current_database()`;

/**
 * Reads where `client` arrived. Read-only, and safe inside a snapshot's transaction.
 *
 * @throws DataopsError `notPermitted` where the role may not read the server's identity; as `PostgresClient.query` does
 */
export async function readServerFacts(client: PostgresClient): Promise<ServerFacts> {
  const [row] = await client.query<FactsRow>(FACTS);
  if (row === undefined)
    throw new DataopsError("failed", "the database was renamed or dropped while it was looked at");
  const source: SourceFacts = {
    systemIdentifier: await readSystemIdentifier(client),
    databaseOid: row.databaseOid,
    databaseName: row.databaseName,
    serverVersion: row.serverVersion,
    serverVersionNumber: row.serverVersionNumber,
    encoding: row.encoding,
    collate: row.collate,
    characterType: row.characterType,
    localeProvider: row.localeProvider,
    locale: row.locale,
    size: Number(row.size),
    lsn: await readPosition(client, row.inRecovery),
    extensions: await readExtensions(client),
    policies: await readPolicies(client),
  };
  return {
    source,
    address: row.host === null || row.port === null ? null : { host: row.host, port: row.port },
    inRecovery: row.inRecovery,
    stamp: findStamp(row.settings ?? [], row.comment),
    role: row.role,
    sessionRole: row.sessionRole,
    isSuperuser: row.isSuperuser,
    canCreateDatabase: row.canCreateDatabase,
    databaseOwner: row.databaseOwner,
  };
}

async function readSystemIdentifier(client: PostgresClient): Promise<string> {
  const [row] = await client.query<{ identifier: string }>(
    "SELECT system_identifier::text AS identifier FROM pg_catalog.pg_control_system()",
  );
  if (row === undefined) throw new Error("pg_control_system returned no row");
  return row.identifier;
}

async function readPosition(client: PostgresClient, inRecovery: boolean): Promise<string | null> {
  const source = inRecovery ? "pg_last_wal_replay_lsn" : "pg_current_wal_lsn";
  const [row] = await client.query<{ lsn: string | null }>(`SELECT pg_catalog.${source}()::text AS lsn`);
  return row?.lsn ?? null;
}
