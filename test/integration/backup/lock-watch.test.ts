import { describe, expect } from "vitest";
import { watchLocks, type LockWatch } from "../../../src/backup/lock-watch.ts";
import { lockTables } from "../../../src/backup/row-counts.ts";
import { listSourceTables } from "../../../src/backup/source-tables.ts";
import type { DataopsError } from "../../../src/errors.ts";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import { openSnapshot } from "../../../src/postgres/snapshot.ts";
import { test, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";

const LIMIT = 500;

interface Watched {
  /** A session whose waits are watched. */
  ours: PostgresClient;
  watch: LockWatch;
  /** The first report. */
  blocked: Promise<DataopsError>;
}

async function watched(database: TestDatabase, stack: AsyncDisposableStack): Promise<Watched> {
  const applicationName = uniqueName("dataops:test");
  const ours = stack.use(await connect(database.settings, { applicationName }));
  const observer = stack.use(await connect(database.settings, { applicationName }));
  const { promise: blocked, resolve } = Promise.withResolvers<DataopsError>();
  const watch = stack.use(watchLocks(observer, { applicationName, limit: LIMIT, onBlocked: resolve }));
  return { ours, watch, blocked };
}

describe("the lock watch", () => {
  test.for([
    { kind: "a table", sql: "SELECT FROM orders", relation: "public.orders" },
    {
      kind: "a materialized view",
      sql: "SELECT pg_get_viewdef('totals'::regclass)",
      relation: "public.totals",
    },
    { kind: "a sequence", sql: "SELECT last_value FROM numbers", relation: "public.numbers" },
  ])("names the lock on $kind and the process that has it", async ({ sql, relation }, { database }) => {
    await using stack = new AsyncDisposableStack();
    const blocker = await database.connect();
    await blocker.query(`
      CREATE TABLE orders (id int);
      CREATE SEQUENCE numbers;
      CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders`);
    const { ours, watch, blocked } = await watched(database, stack);
    await blocker.query("BEGIN; LOCK TABLE orders; DROP SEQUENCE numbers; REFRESH MATERIALIZED VIEW totals");
    const started = performance.now();
    const reading = ours.query(sql);
    const error = await blocked;
    expect(performance.now() - started).toBeLessThan(LIMIT + 2_000);
    expect(error.message).toContain(`waited 0.5 s for ${relation}, which process ${blocker.processId} `);
    expect(error.hint).toContain(`pg_terminate_backend(${blocker.processId})`);
    expect(watch.lastSeen).toMatchObject({ relation, blocker: blocker.processId, waiting: ours.processId });
    await blocker.query("ROLLBACK");
    await reading;
  });

  test("says nothing of a wait that ends in time, nor of others' waits", async ({ database }) => {
    await using stack = new AsyncDisposableStack();
    const blocker = await database.connect();
    const stranger = await database.connect();
    await blocker.query("CREATE TABLE orders (id int)");
    const { ours, watch, blocked } = await watched(database, stack);
    await blocker.query("BEGIN; LOCK TABLE orders");
    const strangers = stranger.query("SELECT FROM orders");
    const noReport = Symbol("no report");
    const report = await Promise.race([blocked, ours.query("SELECT pg_sleep(1.2)").then(() => noReport)]);
    expect(report).toBe(noReport);
    expect(watch.lastSeen).toBeUndefined();
    await blocker.query("ROLLBACK");
    await strangers;
  });
});

describe("lockTables", () => {
  test("gives up by the server's clock when nobody watches", async ({ database }) => {
    const blocker = await database.connect();
    const client = await database.connect();
    await blocker.query("CREATE TABLE orders (id int)");
    await using snapshot = await openSnapshot(client);
    const tables = await listSourceTables(client);
    await blocker.query("BEGIN; LOCK TABLE orders");
    const started = performance.now();
    await expect(lockTables(snapshot.client, tables, 300)).rejects.toMatchObject({ exit: "failed" });
    expect(performance.now() - started).toBeLessThan(2_000);
    await blocker.query("ROLLBACK");
  });

  test("keeps a migration from rewriting a table under the snapshot", async ({ database }) => {
    const client = await database.connect();
    const migration = await database.connect();
    await client.query("CREATE TABLE orders AS SELECT 1 AS id");
    await using snapshot = await openSnapshot(client);
    await lockTables(snapshot.client, await listSourceTables(client), 1_000);
    await migration.query("SET lock_timeout = 100");
    await expect(migration.query("ALTER TABLE orders ALTER id TYPE bigint")).rejects.toThrow("lock timeout");
  });
});
