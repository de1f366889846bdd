import type { Environment } from "../config/environment.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { chooseRestoreClient, discoverTools, type InstalledTools } from "../postgres/tools.ts";
import { checkServer } from "../replace/preflight.ts";
import type { Manifest } from "../repository/manifest.ts";
import { planExtensions } from "../replace/scratch/plan-extensions.ts";
import { readAvailableExtensions } from "../replace/scratch/create-extensions.ts";

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

/**
 * What must hold before a byte is downloaded: server, programs, extensions, rights.
 *
 * @throws DataopsError `tool`, `refused` (extension, pooler, old server), `notPermitted` (CREATEDB)
 */
export async function checkRestore(
  maintenance: PostgresClient,
  request: RestorePreflightRequest,
): Promise<RestorePreflight> {
  const { manifest, environment } = request;
  const serverMajor = await checkServer(maintenance, request);
  const tools = chooseRestoreClient(await discoverTools(environment), {
    archiveMajor: Number.parseInt(manifest.tools.pgDump, 10),
    serverMajor,
    allowVulnerable: request.allowVulnerableClient,
  });
  // Only to be refused here rather than after the download; the load plans again, with what was really created.
  planExtensions(
    manifest.source.extensions,
    await readAvailableExtensions(maintenance),
    request.skipExtensions,
  );
  return { tools, serverMajor };
}
