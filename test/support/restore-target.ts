import type { ConnectionSettings } from "../../src/config/connection.ts";
import { silentReporter, type Reporter } from "../../src/observe/reporter.ts";
import { connect, type PostgresClient } from "../../src/postgres/client.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";
import { guard, type Permission } from "../../src/replace/guard/destructive.ts";
import type { ExchangeOptions } from "../../src/replace/swap/exchange.ts";
import type { GuardRequest } from "../../src/replace/guard/guard.ts";
import { oldName, scratchName } from "../../src/replace/scratch/names.ts";
import { readTargetFacts } from "../../src/replace/guard/target-facts.ts";
import { runAsSuperuser, uniqueName, type TestDatabase } from "./postgres-test.ts";

export const RUN_ID = "k3v9qa";
/** Of one test file's own, as several share a server and its log. */
export const connection = { applicationName: uniqueName(`dataops:${RUN_ID}`) };

export const exchangeOptions: ExchangeOptions = {
  runId: RUN_ID,
  force: false,
  waitForSessions: 0,
  reporter: silentReporter,
  connection,
};

/** The guard's answer for a target that is to be replaced by something from elsewhere. */
export function permit(
  maintenance: PostgresClient,
  target: ConnectionSettings,
  changes: { request?: Partial<GuardRequest>; confirmed?: boolean } = {},
): Promise<Permission> {
  return guard(
    maintenance,
    () => readTargetFacts(maintenance, target, connection),
    { environment: "development", configuredName: "local", source: undefined, ...changes.request },
    { confirmed: changes.confirmed ?? true },
  );
}

/** Runs statements in any database of the test's server. */
export async function runIn(database: TestDatabase, name: string, sql: string): Promise<void> {
  await using client = await connect(database.settings, { applicationName: "test", database: name });
  await client.query(sql);
}

/** A database with a table `content` that holds `content`. */
export async function fill(database: TestDatabase, name: string, content: string): Promise<void> {
  await runIn(database, name, `CREATE TABLE content AS SELECT '${content}'::text AS value`);
}

/** What `fill` put into the database that now has that name. */
export async function contentOf(database: TestDatabase, name = database.name): Promise<string> {
  await using client = await connect(database.settings, { applicationName: "test", database: name });
  const [row] = await client.query<{ value: string }>("SELECT value FROM content");
  return row?.value ?? "";
}

/** A scratch database as a restore leaves it before the swap. */
export async function createScratch(database: TestDatabase, content = "new"): Promise<string> {
  const name = scratchName(database.name, RUN_ID);
  await runAsSuperuser(database.server, `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
  await fill(database, name, content);
  return name;
}

/** The names of all databases that came from this one. */
export async function databasesOf(database: TestDatabase): Promise<string[]> {
  await using client = await connect(database.settings, { applicationName: "test", database: "postgres" });
  const rows = await client.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname",
    [database.name],
  );
  return rows.map(({ name }) => name);
}

/** Drops what a swap leaves beside the test's own database. */
export async function dropOthers(database: TestDatabase): Promise<void> {
  for (const name of [oldName(database.name), scratchName(database.name, RUN_ID)]) {
    await runAsSuperuser(database.server, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
  }
}

/** Keeps what was told. */
export function recordingReporter(): Reporter & { said: string[] } {
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  return { ...silentReporter, said, info: say, warn: say };
}
