import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionSettings } from "../../config/connection.ts";
import type { Environment } from "../../config/environment.ts";
import { connect, type PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import { temporaryRoleName } from "./names.ts";
import { retireTemporaryRole } from "./temporary-role.ts";

/** Milliseconds for all of it: whoever was interrupted must not hang on a dead network. */
const TIMEOUT = 20_000;
const POLL_INTERVAL = 100;
/** `server_version_num` of the first release whose DROP DATABASE ends the sessions in it. */
const FIRST_WITH_FORCE = 130_000;

export interface DropRequest {
  /** A scratch database that this run asked the server to make, and nobody else's. */
  database: string | undefined;
  /** Ended after the database that it owns. */
  role: RoleEnd | undefined;
  applicationName: string;
  environment: Environment;
}

/**
 * Drops what a run made, whatever state its own connections are in: over a new one, bounded in time.
 *
 * @throws DataopsError as `connect` and `query` do; a timeout's reason
 */
export async function dropScratch(settings: ConnectionSettings, request: DropRequest): Promise<void> {
  const signal = AbortSignal.timeout(TIMEOUT);
  const { applicationName, environment } = request;
  await using client = await connect(settings, { applicationName, environment, signal });
  if (request.database !== undefined) {
    await untilCreationEnded(client, request.database, signal);
    await dropDatabase(client, request.database);
  }
  if (request.role !== undefined) await endRole(client, request.role);
}

/** A run's temporary role, and what is to become of it. */
export interface RoleEnd {
  runId: string;
  /** `retire` where a template needs it. */
  end: "drop" | "retire";
}

/** Drops or retires a run's temporary role, which owns nothing more but in a template. */
export async function endRole(client: PostgresClient, { runId, end }: RoleEnd): Promise<void> {
  if (end === "retire") await retireTemporaryRole(client, runId);
  else await client.query(`DROP ROLE IF EXISTS ${quoteIdentifier(temporaryRoleName(runId))}`);
}

/** Drops a scratch database, with whoever is connected to it. */
export async function dropDatabase(client: PostgresClient, name: string): Promise<void> {
  const [row] = await client.query<{ version: number }>(
    "SELECT pg_catalog.current_setting('server_version_num')::int AS version",
  );
  if ((row?.version ?? 0) >= FIRST_WITH_FORCE) {
    await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    return;
  }
  await client.query(
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()",
    [name],
  );
  await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
}

/** An interrupted CREATE DATABASE may still be at work, and would finish after it was looked for in vain. */
async function untilCreationEnded(client: PostgresClient, name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const creating = await client.query(
      `SELECT FROM pg_catalog.pg_stat_activity
        WHERE state = 'active' AND pid <> pg_catalog.pg_backend_pid() AND pg_catalog.strpos(query, $1) = 1`,
      [`CREATE DATABASE ${quoteIdentifier(name)} `],
    );
    if (creating.length === 0) return;
    await sleep(POLL_INTERVAL, undefined, { signal });
  }
}
