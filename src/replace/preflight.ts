import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { detectPooler } from "../postgres/pooler.ts";
import { majorOf } from "../postgres/tools.ts";

/** The newest release whose roles, databases and programs are handled as they are here begins there. */
const OLDEST_SERVER_MAJOR = 12;

interface ServerRow extends Record<string, unknown> {
  version: string;
  versionNumber: number;
  role: string;
  canCreateDatabase: boolean;
}

/**
 * What must hold of a server before a database of it can be replaced: its version, no pooler in between, and the right to
 * create databases.
 *
 * @returns `server_version_num / 10000`
 * @throws DataopsError `refused` (pooler, old server), `notPermitted` (CREATEDB)
 */
export async function checkServer(
  maintenance: PostgresClient,
  options: { applicationName: string; signal: AbortSignal },
): Promise<number> {
  const server = await readServer(maintenance);
  const serverMajor = majorOf(server.versionNumber);
  if (serverMajor < OLDEST_SERVER_MAJOR) {
    throw new DataopsError(
      "refused",
      `the server is PostgreSQL ${server.version}; ${OLDEST_SERVER_MAJOR} is the oldest whose databases are replaced`,
      { hint: "upgrade the server" },
    );
  }
  if (await detectPooler(maintenance, options)) {
    throw new DataopsError(
      "refused",
      "the connection goes through a pooler, behind which no database can be renamed",
      {
        hint: `give the server's own address in ${maintenance.settings.origin}`,
      },
    );
  }
  if (!server.canCreateDatabase) {
    throw new DataopsError(
      "notPermitted",
      `role ${server.role} may not create databases, and a database is replaced by one that is built beside it`,
      { hint: `as a superuser: ALTER ROLE "${server.role.replaceAll('"', '""')}" CREATEDB` },
    );
  }
  return serverMajor;
}

async function readServer(client: PostgresClient): Promise<ServerRow> {
  const [row] = await client.query<ServerRow>(
    `SELECT pg_catalog.current_setting('server_version') AS version,
            pg_catalog.current_setting('server_version_num')::int AS "versionNumber",
            current_user AS role,
            rolsuper OR rolcreatedb AS "canCreateDatabase"
       FROM pg_catalog.pg_roles WHERE rolname = current_user`,
  );
  if (row === undefined) throw new Error("the current user is among the roles");
  return row;
}
