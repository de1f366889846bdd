import { humanName } from "../../observe/human.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import type { Permission } from "./destructive.ts";
import type { TargetFacts } from "./guard.ts";

/** Which database it is that would be replaced: what a person compares before believing a configuration. */
export interface TargetIdentity {
  /** The server's own address; null through a Unix socket. */
  address: { host: string; port: number } | null;
  /** Null where this role may not read it. */
  systemIdentifier: string | null;
  databaseName: string;
  /** Null where no database has the name. */
  databaseOid: number | null;
  stamp: string | null;
}

/** Reads what `facts` leave out, on the connection that they were read on. */
export async function readIdentity(maintenance: PostgresClient, facts: TargetFacts): Promise<TargetIdentity> {
  const [row] = await maintenance.query<{ host: string | null; port: number | null }>(
    `SELECT pg_catalog.host(pg_catalog.inet_server_addr()) AS host, pg_catalog.inet_server_port() AS port`,
  );
  const { host = null, port = null } = row ?? {};
  return {
    address: host === null || port === null ? null : { host, port },
    systemIdentifier: facts.systemIdentifier ?? null,
    databaseName: facts.name,
    databaseOid: facts.oid ?? null,
    stamp: facts.stamp ?? null,
  };
}

/** `database app_staging (oid 16402) at 10.0.0.7:5432, server 7350…, stamped staging`. */
export function describeIdentity(identity: TargetIdentity): string {
  const { address, systemIdentifier, databaseName, databaseOid, stamp } = identity;
  const host = address !== null && address.host.includes(":") ? `[${address.host}]` : address?.host;
  return humanName(
    [
      `database ${databaseName} (${databaseOid === null ? "not there yet" : `oid ${databaseOid}`})`,
      address === null ? "by a Unix socket" : `at ${host}:${address.port}`,
      systemIdentifier === null
        ? "on a server that does not tell its identity"
        : `server ${systemIdentifier}`,
      stamp === null ? "not stamped" : `stamped ${stamp}`,
    ].join(", "),
  );
}

/** Whose the permission's database is; undefined where it does not exist. */
export async function readOwner({ maintenance, oid }: Permission): Promise<string | undefined> {
  if (oid === undefined) return undefined;
  const [row] = await maintenance.query<{ owner: string }>(
    "SELECT pg_catalog.pg_get_userbyid(datdba) AS owner FROM pg_catalog.pg_database WHERE oid = $1",
    [oid],
  );
  return row?.owner;
}
