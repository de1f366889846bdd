import { DataopsError } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { ConnectionSettings } from "../config/connection.ts";
import { connect, type PostgresClient } from "../postgres/client.ts";
import { detectPooler } from "../postgres/pooler.ts";
import { readServerFacts, type ServerFacts } from "../postgres/server-facts.ts";
import type { Environment } from "../config/environment.ts";
import {
  chooseDumpClient,
  discoverTools,
  majorOf,
  meetsSecurityFloor,
  SECURITY_FLOORS,
  type InstalledTools,
} from "../postgres/tools.ts";

/** What must hold before anything is created. Each check says what to do when it does not. */

/** The oldest server whose catalogs are read as they are here. */
const OLDEST_SERVER_MAJOR = 12;

interface SourceCheck {
  facts: ServerFacts;
  tools: InstalledTools;
}

interface CheckOptions {
  applicationName: string;
  environment: Environment;
  reporter: Reporter;
  signal: AbortSignal;
}

/**
 * What can be known before the storage is asked anything: that the server can be reached and backed up.
 *
 * @returns the programs for it
 * @throws DataopsError as `connect` and `checkSource` do
 */
export async function prepareBackup(
  connection: ConnectionSettings,
  options: Omit<CheckOptions, "applicationName">,
): Promise<InstalledTools> {
  const applicationName = "dataops:preflight";
  await using client = await connect(connection, { applicationName, signal: options.signal });
  return (await checkSource(client, { ...options, applicationName })).tools;
}

/**
 * Looks at the server, and chooses the programs for it. No request goes to the storage.
 *
 * @throws DataopsError `tool` where no client is new enough, `refused` for a pooler or a server that is too old
 */
async function checkSource(client: PostgresClient, options: CheckOptions): Promise<SourceCheck> {
  const { applicationName, environment, reporter, signal } = options;
  const facts = await readServerFacts(client);
  const { serverVersion, serverVersionNumber } = facts.source;
  if (majorOf(serverVersionNumber) < OLDEST_SERVER_MAJOR) {
    throw new DataopsError(
      "refused",
      `the server is PostgreSQL ${serverVersion}; ${OLDEST_SERVER_MAJOR} is the oldest that is backed up`,
      {
        hint: "upgrade the server, or back it up with its own pg_dump",
      },
    );
  }
  const tools = chooseDumpClient(await discoverTools(environment), serverVersionNumber);
  if (!meetsSecurityFloor(tools))
    reporter.warn(`pg_dump ${tools.version} has known security holes${floorOf(tools.major)}`);
  if (await detectPooler(client, { applicationName, signal })) {
    throw new DataopsError(
      "refused",
      "the connection goes through a pooler that shares server sessions, where a snapshot cannot be held",
      {
        hint: `give the server's own address in ${client.settings.origin}`,
      },
    );
  }
  return { facts, tools };
}

function floorOf(major: number): string {
  const minor = SECURITY_FLOORS[major];
  return minor === undefined ? "" : `; install ${major}.${minor} or newer`;
}
