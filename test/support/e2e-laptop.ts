import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import { connect, type PostgresClient } from "../../src/postgres/client.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { templateName } from "../../src/replace/scratch/names.ts";
import { startDataops, type DataopsExit } from "./dataops-process.ts";
import { test as e2eTest } from "./e2e-test.ts";
import { settingsFor, startPostgres, urlFor, type PostgresServer } from "./postgres-servers.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { createDatabase, runAsSuperuser, uniqueName, type TestDatabase } from "./postgres-test.ts";
import { sharedPostgres, type SharedPostgres } from "./shared-servers.ts";

/** A database that backups are restored into. It does not exist until `create`, or a restore, makes it. */
export interface LocalDatabase {
  name: string;
  server: SharedPostgres;
  url: string;
  /** As the superuser, over TCP. */
  settings: ConnectionSettings;
  /** Makes it, with a table `content` that holds `content`. */
  create(content?: string): Promise<void>;
  /** What the table `content` holds, in it or in another database of its server. */
  content(database?: string): Promise<string | undefined>;
  /** Runs statements in it, or in another database of its server, over a connection of their own. */
  query<Row extends Record<string, unknown>>(sql: string, database?: string): Promise<Row[]>;
  /** A connection to it under this name. Closed with the database, at the latest. */
  join(applicationName: string): Promise<PostgresClient>;
  /** The names of all databases that came from it, its own among them; but for the template, which every restore keeps. */
  family(): Promise<string[]>;
  /** Drops the family. */
  drop(): Promise<void>;
}

/** A small production database, and a backup of it. For all tests of a file: none may change them. */
export interface Shop {
  database: TestDatabase;
  /** The storage's folder. */
  folder: string;
  manifest: Manifest;
}

/** What a table `content` of production holds. */
export const PRODUCTION = "production's";
/** What it holds in a local database before a restore. */
export const BEFORE = "what was here before";

interface Fixtures {
  $file: { secondServer: PostgresServer | ServerUnavailable; shop: Shop };
  $test: {
    /** A server of the file's own: another one than where backups are made. */
    laptop: PostgresServer;
    local: LocalDatabase;
  };
}

/** Vitest's `test` with a second server on this machine, a database in it to restore into, and a backup at hand. */
export const test = e2eTest.extend<Fixtures>({
  secondServer: [
    // eslint-disable-next-line no-empty-pattern -- vitest demands a pattern
    async ({}, use) => {
      try {
        await using server = await startPostgres({ version: 15 });
        await use(server);
      } catch (error) {
        if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
        await use(error);
      }
    },
    { scope: "file" },
  ],
  shop: [
    // eslint-disable-next-line no-empty-pattern -- vitest demands a pattern
    async ({}, use) => {
      const database = await createDatabase(await sharedPostgres(15));
      const folder = await mkdtemp(join(tmpdir(), "dataops-shop-"));
      await fillShop(database);
      await use({ database, folder, manifest: await backUp(database, folder) });
      await rm(folder, { recursive: true, force: true });
      await database.drop();
    },
    { scope: "file" },
  ],
  laptop: async ({ secondServer, skip }, use) => {
    if (secondServer instanceof ServerUnavailable) skip(secondServer.message);
    else await use(secondServer);
  },
  local: async ({ laptop }, use) => {
    const local = localDatabase(laptop);
    await use(local);
    await local.drop();
  },
});

/** A database of a name of its own, that does not exist yet. */
export function localDatabase(server: SharedPostgres, name = uniqueName("local")): LocalDatabase {
  const settings = settingsFor(server, { database: name });
  const joined: PostgresClient[] = [];

  const query = async <Row extends Record<string, unknown>>(sql: string, database = name): Promise<Row[]> => {
    await using client = await connect({ ...settings, database }, { applicationName: "test" });
    // Awaited, since the connection ends with this function.
    return await client.query<Row>(sql);
  };
  const allOf = async (): Promise<string[]> => {
    const sql = `SELECT datname AS name FROM pg_database WHERE starts_with(datname, '${name}') ORDER BY 1`;
    return (await query<{ name: string }>(sql, "postgres")).map((row) => row.name);
  };
  const family = async (): Promise<string[]> => {
    return (await allOf()).filter((other) => other !== templateName(name));
  };
  return {
    name,
    server,
    url: urlFor(server, name),
    settings,
    query,
    family,
    create: async (content = BEFORE) => {
      await runAsSuperuser(server, `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
      await query(contentTable(content));
    },
    content: async (database = name) => {
      const [row] = await query<{ value: string }>("SELECT value FROM content", database);
      return row?.value;
    },
    join: async (applicationName) => {
      const client = await connect(settings, { applicationName });
      joined.push(client);
      // Ended by the server, as is tried here, it would otherwise end the tests.
      client.raw.on("error", () => undefined);
      return client;
    },
    drop: async () => {
      await Promise.allSettled(joined.map((client) => client[Symbol.asyncDispose]()));
      for (const database of await allOf()) {
        await runAsSuperuser(server, `DROP DATABASE ${quoteIdentifier(database)} WITH (FORCE)`);
      }
    },
  };
}

/** SQL for a table that tells one database from another. */
export function contentTable(content: string): string {
  return `CREATE TABLE content AS SELECT '${content.replaceAll("'", "''")}'::text AS value`;
}

async function fillShop(database: TestDatabase): Promise<void> {
  const client = await database.connect();
  await client.query(`
    ${contentTable(PRODUCTION)};
    CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL);
    INSERT INTO customers SELECT id, 'customer' || id || '@shop.test' FROM generate_series(1, 1000) AS id`);
}

/** Backs a database up into a folder. */
export async function backUp(
  database: Pick<TestDatabase, "server" | "name">,
  folder: string,
): Promise<Manifest> {
  const environment = {
    DATABASE_URL: urlFor(database.server, database.name),
    DATAOPS_STORAGE: `file://${folder}`,
  };
  await using backup = await startDataops(["backup", "--json"], { environment });
  const made = await backup.exited;
  return manifestIn(made);
}

/** What `backup --json` tells; throws where it failed. */
export function manifestIn(made: DataopsExit): Manifest {
  if (made.code !== 0) throw new Error(`no backup: ${made.stdout}${made.stderr}`);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  return made.json() as Manifest;
}

/** The environment of a laptop: the storage, and a database to fetch into. */
export function laptopEnvironment(
  folder: string,
  local: { url: string },
  changes: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { DATAOPS_STORAGE: `file://${folder}`, LOCAL_DATABASE_URL: local.url, ...changes };
}

/** Roles and databases that a restore makes for its own use, and its sessions: none, once it has ended. */
export async function traces(server: SharedPostgres): Promise<string[]> {
  await using client = await connect(settingsFor(server), { applicationName: "test" });
  const rows = await client.query<{ trace: string }>(
    `SELECT 'role ' || rolname AS trace FROM pg_roles WHERE rolname LIKE 'dataops\\_restore\\_%'
      UNION ALL SELECT 'database ' || datname FROM pg_database WHERE datname LIKE '%\\_\\_new\\_%' OR datname LIKE '%\\_\\_was\\_%'
          OR datname LIKE '%\\_\\_template\\_%'
      UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity WHERE application_name LIKE 'dataops:%'`,
  );
  return rows.map(({ trace }) => trace);
}

/** A configuration file with a local database of this environment, restored into with these settings. */
export function laptopConfig(
  restore: Readonly<Record<string, unknown>> = {},
  environment = "development",
): Record<string, unknown> {
  return {
    storage: { url: "${DATAOPS_STORAGE}" },
    databases: { local: { url: "${LOCAL_DATABASE_URL}", environment } },
    restore: { local: restore },
  };
}

/** As `create` made it, and nothing beside it. */
export async function expectUntouched(local: LocalDatabase): Promise<void> {
  expect(await traces(local.server)).toEqual([]);
  expect(await local.content()).toBe(BEFORE);
  expect(await local.family()).toEqual([local.name]);
}
