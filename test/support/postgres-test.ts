import { randomBytes } from "node:crypto";
import { test as base } from "vitest";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import { connect, type PostgresClient } from "../../src/postgres/client.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";
import { settingsFor, type PostgresVersion } from "./postgres-servers.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { sharedPostgres, type SharedPostgres } from "./shared-servers.ts";

/** A database of one test. */
export interface TestDatabase {
  name: string;
  server: SharedPostgres;
  /** As the superuser, over TCP. */
  settings: ConnectionSettings;
  /** A new connection to it as the superuser, closed at the test's end at the latest. */
  connect(): Promise<PostgresClient>;
  /** Drops it, with whoever is connected. */
  drop(): Promise<void>;
}

/** Makes an empty database in a shared server. */
export async function createDatabase(
  server: SharedPostgres,
  name = uniqueName("test"),
): Promise<TestDatabase> {
  const settings = settingsFor(server, { database: name });
  const opened: PostgresClient[] = [];
  await runAsSuperuser(server, `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
  return {
    name,
    server,
    settings,
    connect: async () => {
      const client = await connect(settings, { applicationName: "test" });
      opened.push(client);
      return client;
    },
    drop: async () => {
      await Promise.all(opened.map((client) => client[Symbol.asyncDispose]()));
      await runAsSuperuser(server, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    },
  };
}

/** Runs statements in the server's database `postgres`. */
export async function runAsSuperuser(server: SharedPostgres, sql: string): Promise<void> {
  await using client = await connect(settingsFor(server), { applicationName: "test" });
  await client.query(sql);
}

/** A name that no other test of any run uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString("hex")}`;
}

interface Fixtures {
  /** The shared server of that version. Naming one in a test's arguments starts it. */
  postgres15: SharedPostgres;
  postgres16: SharedPostgres;
  postgres18: SharedPostgres;
  postgresEmbedded: SharedPostgres;
  /** An empty database in `postgres15`, dropped after the test, kept when it fails. */
  database: TestDatabase;
}

interface SkippableContext {
  skip(note?: string): never;
}

/** A missing server skips the test, loudly; in CI it fails it. */
async function serverOrSkip(version: PostgresVersion, context: SkippableContext): Promise<SharedPostgres> {
  try {
    return await sharedPostgres(version);
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return context.skip(error.message);
  }
}

/** Vitest's `test` with servers and databases on demand. */
export const test = base.extend<Fixtures>({
  postgres15: async ({ skip }, use) => use(await serverOrSkip(15, { skip })),
  postgres16: async ({ skip }, use) => use(await serverOrSkip(16, { skip })),
  postgres18: async ({ skip }, use) => use(await serverOrSkip(18, { skip })),
  postgresEmbedded: async ({ skip }, use) => use(await serverOrSkip("embedded", { skip })),
  database: async ({ postgres15, task, onTestFailed }, use) => {
    const database = await createDatabase(postgres15);
    let failed = false;
    onTestFailed(() => {
      failed = true;
    });
    await use(database);
    if (failed || task.result?.state === "fail") {
      process.stderr.write(`KEPT for a look: database ${database.name} of the failed test "${task.name}"\n`);
      return;
    }
    await database.drop();
  },
});
