import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { DataopsError, isDataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { isDirectLoopback, type ConnectionEnds } from "./loopback.ts";

/** Where a connection came out, as the server and the socket tell it. */
export interface Arrival {
  database: string;
  databaseOid: number;
  /** Undefined where this role may not read it. */
  systemIdentifier: string | undefined;
  /** When the server started, in seconds with fraction: tells it from its physical copies. */
  started: string;
  inRecovery: boolean;
  /** Whether the server is certainly this machine's own. */
  isLocal: boolean;
}

interface ArrivalRow extends Record<string, unknown>, ConnectionEnds {
  database: string;
  databaseOid: number;
  started: string;
  inRecovery: boolean;
}

/** Reads where `client` arrived. */
export async function readArrival(client: PostgresClient): Promise<Arrival> {
  const [row] = await client.query<ArrivalRow>(
    `SELECT database.datname AS database,
            database.oid AS "databaseOid",
            extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS started,
            pg_catalog.pg_is_in_recovery() AS "inRecovery",
            pg_catalog.host(pg_catalog.inet_server_addr()) AS "serverHost",
            pg_catalog.inet_server_port() AS "serverPort",
            pg_catalog.host(pg_catalog.inet_client_addr()) AS "clientHost",
            pg_catalog.inet_client_port() AS "clientPort"
       FROM pg_catalog.pg_database AS database
      WHERE database.datname = pg_catalog.current_database()`,
  );
  if (row === undefined) {
    throw new DataopsError("failed", "the database was renamed or dropped while it was looked at");
  }
  const { database, databaseOid, started, inRecovery } = row;
  return {
    database,
    databaseOid,
    systemIdentifier: await readSystemIdentifier(client),
    started,
    inRecovery,
    isLocal: await isLocal(client, row),
  };
}

/** Whether both connections came out at one and the same running server. */
export function isSameServer(one: Arrival, other: Arrival): boolean {
  if (one.started !== other.started) return false;
  // The right to read it is given per database.
  if (one.systemIdentifier === undefined || other.systemIdentifier === undefined) return true;
  return one.systemIdentifier === other.systemIdentifier;
}

async function readSystemIdentifier(client: PostgresClient): Promise<string | undefined> {
  try {
    const [row] = await client.query<{ identifier: string }>(
      "SELECT system_identifier::text AS identifier FROM pg_catalog.pg_control_system()",
    );
    return row?.identifier;
  } catch (error) {
    if (isDataopsError(error, "notPermitted")) return undefined;
    throw error;
  }
}

async function isLocal(client: PostgresClient, endpoints: ConnectionEnds): Promise<boolean> {
  const { host, port } = client.settings;
  return host.startsWith("/")
    ? endpoints.serverHost === null && (await isServersOwnSocket(host, port))
    : isDirect(client, endpoints);
}

/** A server keeps a lock file beside its socket; the end of a forwarded socket has none. */
async function isServersOwnSocket(directory: string, port: number): Promise<boolean> {
  try {
    return (await stat(join(directory, `.s.PGSQL.${port}.lock`))).isFile();
  } catch {
    return false;
  }
}

function isDirect(client: PostgresClient, theirs: ConnectionEnds): boolean {
  const { stream } = client.raw.connection;
  if (!(stream instanceof Socket)) return false;
  const { remoteAddress, remotePort, localAddress, localPort } = stream;
  const ours = {
    serverHost: remoteAddress,
    serverPort: remotePort,
    clientHost: localAddress,
    clientPort: localPort,
  };
  return isDirectLoopback(ours, theirs);
}
