import { expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { detectPooler } from "../../../src/postgres/pooler.ts";
import { startPgBouncer, type PgBouncer } from "../../support/pgbouncer.ts";
import { ServerUnavailable } from "../../support/server-unavailable.ts";
import { test, type TestDatabase } from "../../support/postgres-test.ts";

const options = { applicationName: "dataops:test" };

async function isPooler(database: TestDatabase, place: { host: string; port: number }): Promise<boolean> {
  await using client = await connect({ ...database.settings, host: place.host, port: place.port }, options);
  return await detectPooler(client, options);
}

async function startOrSkip(
  database: TestDatabase,
  mode: "session" | "transaction",
  skip: (note: string) => never,
): Promise<PgBouncer> {
  try {
    return await startPgBouncer(database.server, mode);
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return skip(error.message);
  }
}

test("a pooler in transaction mode is detected", async ({ database, skip }) => {
  await using bouncer = await startOrSkip(database, "transaction", skip);
  expect(await isPooler(database, bouncer)).toBe(true);
});

test("a pooler in session mode is as good as a direct connection", async ({ database, skip }) => {
  await using bouncer = await startOrSkip(database, "session", skip);
  expect(await isPooler(database, bouncer)).toBe(false);
});

test("a direct connection is none, over TCP and over a socket", async ({ database }) => {
  const { host, port } = database.settings;
  expect(await isPooler(database, { host, port })).toBe(false);
  expect(await isPooler(database, { host: database.server.socketDirectory ?? host, port })).toBe(false);
});
