import { DataopsError } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { PostgresClient } from "../postgres/client.ts";
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
import { ensureMarker } from "../repository/marker.ts";
import { probeConditionalWrites } from "../storage/probe.ts";
import type { Storage } from "../storage/storage.ts";

/** What must hold before anything is created. Each check says what to do when it does not. */

/** The oldest server whose catalogs are read as they are here. */
const OLDEST_SERVER_MAJOR = 12;

export interface SourceCheck {
  facts: ServerFacts;
  tools: InstalledTools;
}

export interface CheckOptions {
  applicationName: string;
  environment: Environment;
  reporter: Reporter;
  signal: AbortSignal;
}

/**
 * Looks at the server, and chooses the programs for it. No request goes to the storage.
 *
 * @throws DataopsError `tool` where no client is new enough, `refused` for a pooler or a server that is too old
 */
export async function checkSource(client: PostgresClient, options: CheckOptions): Promise<SourceCheck> {
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

export interface StorageCheck {
  /** Whether "create, unless it is there" is more than a pretence in this storage. */
  conditional: boolean;
}

/**
 * Writes to the storage, and takes away again, what shows whether it can be written; leaves the marker.
 *
 * @throws DataopsError `notPermitted`, `unreachable`, `refused` for a storage in a newer format
 */
export async function checkStorage(
  storage: Storage,
  { reporter, signal }: Pick<CheckOptions, "reporter" | "signal">,
): Promise<StorageCheck> {
  const probe = await probeConditionalWrites(storage, { signal });
  if (!probe.conditional) reporter.warn(`${storage.url} has no real conditional writes: ${probe.reason}`);
  await ensureMarker(storage, { conditional: probe.conditional, signal });
  return { conditional: probe.conditional };
}

function floorOf(major: number): string {
  const minor = SECURITY_FLOORS[major];
  return minor === undefined ? "" : `; install ${major}.${minor} or newer`;
}
