import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { ConnectionSettings } from "../../../src/config/connection.ts";
import { Secret } from "../../../src/config/secret.ts";
import { connect } from "../../../src/postgres/client.ts";
import { readServerFacts } from "../../../src/postgres/server-facts.ts";
import { readArrival } from "../../../src/replace/guard/arrival.ts";
import type { TargetFacts } from "../../../src/replace/guard/guard.ts";
import { connectMaintenance, readTargetFacts } from "../../../src/replace/guard/target-facts.ts";
import { startPgBouncer, type PgBouncer } from "../../support/pgbouncer.ts";
import { followLog } from "../../support/postgres-servers.ts";
import { ServerUnavailable } from "../../support/server-unavailable.ts";
import { createDatabase, runAsSuperuser, test, uniqueName } from "../../support/postgres-test.ts";
import { connection, fill, permit, runIn } from "../../support/restore-target.ts";
import { openTunnel } from "../../support/tunnel.ts";

async function readFacts(target: ConnectionSettings): Promise<TargetFacts> {
  await using maintenance = await connectMaintenance(target, connection);
  return await readTargetFacts(maintenance, target, connection);
}

const STATEMENTS_OF_CHANGE = /statement: .*\b(CREATE|ALTER|DROP|GRANT|COMMENT|TRUNCATE|DELETE|INSERT)\b/;

describe("the facts of a target", () => {
  test("are those of the server, not of the settings", async ({ database }) => {
    await using client = await database.connect();
    const { source } = await readServerFacts(client);
    expect(await readFacts(database.settings)).toEqual({
      name: database.name,
      oid: source.databaseOid,
      systemIdentifier: source.systemIdentifier,
      stamp: undefined,
      hasContent: false,
      arrivedAt: undefined,
      isLocal: true,
      inRecovery: false,
    });
  });

  test("of a database that does not exist", async ({ database }) => {
    expect(await readFacts({ ...database.settings, database: uniqueName("absent") })).toMatchObject({
      oid: undefined,
      hasContent: false,
      arrivedAt: undefined,
      isLocal: true,
    });
  });

  test("hold the stamp", async ({ database }) => {
    await runAsSuperuser(
      database.server,
      `ALTER DATABASE ${database.name} SET dataops.environment = 'staging'`,
    );
    expect((await readFacts(database.settings)).stamp).toBe("staging");
  });

  test("are read from template1 where the target is the database postgres", async ({ database }) => {
    const target = { ...database.settings, database: "postgres" };
    await using maintenance = await connectMaintenance(target, connection);
    expect(maintenance.settings.database).toBe("template1");
    expect(await readTargetFacts(maintenance, target, connection)).toMatchObject({
      name: "postgres",
      arrivedAt: undefined,
    });
  });

  test("hold for a role that may not read the server's identity", async ({ database, onTestFinished }) => {
    const role = uniqueName("plain");
    const { server, name } = database;
    await runAsSuperuser(server, `CREATE ROLE ${role} LOGIN PASSWORD 'password'`);
    onTestFinished(() => runAsSuperuser(server, `DROP ROLE ${role}`));
    await runIn(database, name, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
    const target = { ...database.settings, user: role, password: new Secret("password") };
    await using client = await connect(target, connection);
    const arrival = await readArrival(client);
    expect(arrival).toMatchObject({ database: name, systemIdentifier: undefined, isLocal: true });
    // Maintenance, in another database, may read it: that makes it no other server.
    expect(await readFacts(target)).toMatchObject({
      arrivedAt: undefined,
      systemIdentifier: expect.stringMatching(/^\d+$/),
    });
  });
});

describe("a target has content", () => {
  test.for([
    { because: "a table", sql: "CREATE TABLE t ()", has: true },
    { because: "a table of another schema", sql: "CREATE SCHEMA s; CREATE TABLE s.t ()", has: true },
    {
      because: "a partitioned table without partitions",
      sql: "CREATE TABLE t (a int) PARTITION BY LIST (a)",
      has: true,
    },
    { because: "an unlogged table", sql: "CREATE UNLOGGED TABLE t ()", has: true },
    { because: "a view", sql: "CREATE VIEW v AS SELECT 1", has: true },
    { because: "a materialized view", sql: "CREATE MATERIALIZED VIEW v AS SELECT 1", has: true },
    { because: "a sequence", sql: "CREATE SEQUENCE s", has: true },
    { because: "a large object", sql: "SELECT lo_create(0)", has: true },
    { because: "nothing", sql: "SELECT", has: false },
    { because: "an extension's views and tables", sql: "CREATE EXTENSION pg_stat_statements", has: false },
    { because: "an empty schema", sql: "CREATE SCHEMA s", has: false },
  ])("with $because: $has", async ({ sql, has }, { database }) => {
    await runIn(database, database.name, sql);
    expect((await readFacts(database.settings)).hasContent).toBe(has);
  });

  test("where nobody gets in to look", async ({ database }) => {
    await runAsSuperuser(database.server, `ALTER DATABASE ${database.name} ALLOW_CONNECTIONS false`);
    expect(await readFacts(database.settings)).toMatchObject({ hasContent: true, arrivedAt: undefined });
  });
});

describe("a server is local", () => {
  test("through its own Unix socket", async ({ database, skip }) => {
    const host = database.server.socketDirectory ?? skip("the server is not ours: its socket is not known");
    expect((await readFacts({ ...database.settings, host })).isLocal).toBe(true);
  });

  test("by the name localhost", async ({ database }) => {
    expect((await readFacts({ ...database.settings, host: "localhost" })).isLocal).toBe(true);
  });

  test("not through a tunnel, though it ends at a server that says 127.0.0.1, too", async ({ database }) => {
    await using tunnel = await openTunnel(database.settings);
    const { host, port } = tunnel;
    const facts = await readFacts({ ...database.settings, host, port });
    expect(facts).toMatchObject({ isLocal: false, arrivedAt: undefined, name: database.name });
  });

  test("not through a forwarded socket", async ({ database, onTestFinished, skip }) => {
    const host = database.server.socketDirectory ?? skip("the server is not ours: its socket is not known");
    const directory = await mkdtemp(join(tmpdir(), "dataops-tunnel-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await using tunnel = await openTunnel(
      { ...database.settings, host },
      {
        socketPath: join(directory, ".s.PGSQL.5432"),
      },
    );
    expect(tunnel.port).toBe(0);
    const facts = await readFacts({ ...database.settings, host: directory, port: 5432 });
    expect(facts.isLocal).toBe(false);
  });
});

describe("what leads elsewhere is seen", () => {
  async function start(
    options: Parameters<typeof startPgBouncer>,
    skip: (note: string) => never,
  ): Promise<PgBouncer> {
    try {
      return await startPgBouncer(...options);
    } catch (error) {
      if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
      process.stderr.write(`SKIPPED: ${error.message}\n`);
      return skip(error.message);
    }
  }

  test("a pooler is not local", async ({ database, skip }) => {
    await using bouncer = await start([database.server, "session"], skip);
    const { host, port } = bouncer;
    expect(await readFacts({ ...database.settings, host, port })).toMatchObject({
      isLocal: false,
      arrivedAt: undefined,
    });
  });

  test("maintenance here and target there are two servers", async ({ database, postgres16 }) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    const there = await createDatabase(postgres16, database.name);
    await using client = await there.connect();
    await client.query("CREATE TABLE t ()");
    try {
      const facts = await readTargetFacts(maintenance, there.settings, connection);
      expect(facts.arrivedAt).toBe(`${database.name} of another server`);
    } finally {
      await there.drop();
    }
  });

  test("a database that only the target's settings know is another server's", async ({
    database,
    postgres16,
  }) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    const there = await createDatabase(postgres16);
    try {
      const facts = await readTargetFacts(maintenance, there.settings, connection);
      expect(facts).toMatchObject({ oid: undefined, arrivedAt: `${there.name} of another server` });
    } finally {
      await there.drop();
    }
  });

  test("a database that only maintenance knows is another server's", async ({ database, postgres16 }) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    const elsewhere = { ...database.settings, host: postgres16.host, port: postgres16.port };
    const facts = await readTargetFacts(maintenance, elsewhere, connection);
    expect(facts.arrivedAt).toBe(`${database.name} of another server`);
  });
});

describe("a refusal leaves no trace: the server's log has no change", () => {
  test.for([
    { because: "stamped production", environment: "development", stamp: "production", throughTunnel: false },
    {
      because: "configured as production",
      environment: "production",
      stamp: undefined,
      throughTunnel: false,
    },
    { because: "stamped for another", environment: "development", stamp: "staging", throughTunnel: false },
    {
      because: "unstamped behind a tunnel",
      environment: "development",
      stamp: undefined,
      throughTunnel: true,
    },
  ])("$because", async ({ environment, stamp, throughTunnel }, { database }) => {
    await fill(database, database.name, "precious");
    if (stamp !== undefined) {
      await runAsSuperuser(
        database.server,
        `ALTER DATABASE ${database.name} SET dataops.environment = '${stamp}'`,
      );
    }
    await using tunnel = await openTunnel(database.settings);
    const { host, port } = throughTunnel ? tunnel : database.settings;
    const target = { ...database.settings, host, port };
    const log = await followLog(database.server);
    await using maintenance = await connectMaintenance(target, connection);
    await expect(permit(maintenance, target, { request: { environment } })).rejects.toMatchObject({
      exit: "refused",
    });
    const entries = (await log.read()).replaceAll("\n\t", " ").split("\n");
    const ours = entries.filter((entry) => entry.includes(connection.applicationName));
    expect(ours.join("\n")).toContain("pg_postmaster_start_time");
    expect(ours.filter((line) => STATEMENTS_OF_CHANGE.test(line))).toEqual([]);
  });

  test("the source under another name, also with a yes and a stamp", async ({ database }) => {
    await fill(database, database.name, "precious");
    await using client = await database.connect();
    const { source } = await readServerFacts(client);
    await client[Symbol.asyncDispose]();
    const renamed = uniqueName("renamed");
    await runAsSuperuser(
      database.server,
      `ALTER DATABASE ${database.name} RENAME TO ${renamed}; ALTER DATABASE ${renamed} SET dataops.environment = 'development'`,
    );
    const target = { ...database.settings, database: renamed };
    await using maintenance = await connectMaintenance(target, connection);
    await expect(permit(maintenance, target, { request: { source } })).rejects.toMatchObject({
      exit: "refused",
      message: `database ${renamed} is the one that the backup was made of`,
    });
    await runAsSuperuser(database.server, `ALTER DATABASE ${renamed} RENAME TO ${database.name}`);
  });
});
