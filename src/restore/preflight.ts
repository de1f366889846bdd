import type { Environment } from "../config/environment.ts";
import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { detectPooler } from "../postgres/pooler.ts";
import { chooseRestoreClient, discoverTools, majorOf, type InstalledTools } from "../postgres/tools.ts";
import type { Manifest } from "../repository/manifest.ts";
import { planExtensions } from "../replace/scratch/plan-extensions.ts";
import { readAvailableExtensions } from "../replace/scratch/create-extensions.ts";

/** The newest release whose roles, databases and programs are handled as they are here begins there. */
const OLDEST_SERVER_MAJOR = 12;

export interface RestorePreflight {
  tools: InstalledTools;
  /** `server_version_num / 10000`. */
  serverMajor: number;
}

export interface RestorePreflightRequest {
  manifest: Manifest;
  skipExtensions: readonly string[];
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
  applicationName: string;
  environment: Environment;
  signal: AbortSignal;
}

interface ServerRow extends Record<string, unknown> {
  version: string;
  versionNumber: number;
  role: string;
  canCreateDatabase: boolean;
}

/**
 * What must hold before a byte is downloaded: server, programs, extensions, rights.
 *
 * @throws DataopsError `tool`, `refused` (extension, pooler, old server), `notPermitted` (CREATEDB)
 */
export async function checkRestore(
  maintenance: PostgresClient,
  request: RestorePreflightRequest,
): Promise<RestorePreflight> {
  const { manifest, applicationName, environment, signal } = request;
  const server = await readServer(maintenance);
  const serverMajor = majorOf(server.versionNumber);
  if (serverMajor < OLDEST_SERVER_MAJOR) {
    throw new DataopsError(
      "refused",
      `the server is PostgreSQL ${server.version}; ${OLDEST_SERVER_MAJOR} is the oldest that is restored into`,
      { hint: "upgrade the server" },
    );
  }
  const tools = chooseRestoreClient(await discoverTools(environment), {
    archiveMajor: Number.parseInt(manifest.tools.pgDump, 10),
    serverMajor,
    allowVulnerable: request.allowVulnerableClient,
  });
  if (await detectPooler(maintenance, { applicationName, signal })) {
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
      `role ${server.role} may not create databases, and a restore builds in one of its own`,
      { hint: `as a superuser: ALTER ROLE "${server.role.replaceAll('"', '""')}" CREATEDB` },
    );
  }
  // Only to be refused here rather than after the download; the load plans again, with what was really created.
  planExtensions(
    manifest.source.extensions,
    await readAvailableExtensions(maintenance),
    request.skipExtensions,
  );
  return { tools, serverMajor };
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
