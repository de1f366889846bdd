import { describe, expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { quoteIdentifier } from "../../../src/postgres/quote.ts";
import { readServerFacts } from "../../../src/postgres/server-facts.ts";
import { openSnapshot } from "../../../src/postgres/snapshot.ts";
import { serializeManifest, type ManifestSource } from "../../../src/repository/manifest.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { createDatabase, runAsSuperuser, test, uniqueName } from "../../support/postgres-test.ts";

const options = { applicationName: "dataops:test" };

describe("server facts", () => {
  test("tell where the connection arrived, as whom, and what the database is", async ({ database }) => {
    await using client = await connect(database.settings, options);
    const facts = await readServerFacts(client);
    expect(facts).toMatchObject({
      address: { host: "127.0.0.1", port: database.settings.port },
      inRecovery: false,
      stamp: undefined,
      role: database.settings.user,
      sessionRole: database.settings.user,
      isSuperuser: true,
      canCreateDatabase: true,
      databaseOwner: database.settings.user,
    });
    expect(facts.source).toMatchObject({
      databaseName: database.name,
      serverVersion: expect.stringMatching(/^15\.\d+/),
      encoding: "UTF8",
      collate: "C",
      characterType: "C",
      localeProvider: "c",
      locale: null,
      extensions: [{ name: "plpgsql", version: "1.0", schema: "pg_catalog", used: false }],
      policies: [],
    });
    expect(facts.source.systemIdentifier).toMatch(/^\d{15,20}$/);
    expect(facts.source.databaseOid).toBeGreaterThan(16_383);
    expect(facts.source.size).toBeGreaterThan(1_000_000);
    expect(facts.source.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  });

  test("fit the manifest, whatever the server's version", async ({
    postgres15,
    postgres16,
    postgres18,
    postgresEmbedded,
  }) => {
    for (const server of [postgres15, postgres16, postgres18, postgresEmbedded]) {
      await using client = await connect(settingsFor(server), options);
      const source: ManifestSource = (await readServerFacts(client)).source;
      const written = serializeManifest({
        format: 1,
        id: "20261121T040000Z-k3v9qa",
        database: "production",
        environment: "production",
        started: "2026-11-21T04:00:00.000Z",
        finished: "2026-11-21T04:00:01.000Z",
        dataopsVersion: "0",
        source,
        tools: { pgDump: "15.20", pgRestore: "15.20" },
        archive: {
          object: "archive.dump.zst",
          size: 0,
          sha256: "0".repeat(64),
          rawSize: 0,
          pieceSize: 1,
          pieces: ["0".repeat(64)],
        },
        blocks: null,
        tables: [],
      });
      expect(JSON.parse(Buffer.from(written).toString())).toMatchObject({
        source: { databaseName: "postgres" },
      });
    }
  });

  test("have no address through a socket", async ({ database, skip }) => {
    const host = database.server.socketDirectory ?? skip("the server is not ours: its socket is not known");
    await using client = await connect({ ...database.settings, host }, options);
    expect((await readServerFacts(client)).address).toBeNull();
  });

  test("find the stamp of this database, and of no other", async ({ database, onTestFinished }) => {
    const other = await createDatabase(database.server);
    onTestFinished(() => other.drop());
    await runAsSuperuser(
      database.server,
      `ALTER DATABASE ${other.name} SET dataops.environment = 'production'`,
    );
    await runAsSuperuser(database.server, `ALTER DATABASE ${database.name} SET work_mem = '8MB'`);
    await using client = await connect(database.settings, options);
    expect((await readServerFacts(client)).stamp).toBeUndefined();
    await client.query(`ALTER DATABASE ${database.name} SET "DataOps"."Environment" = 'staging'`);
    // What a session sets for itself, and what a role brings along, is no stamp.
    await client.query("SET dataops.environment = 'development'");
    expect((await readServerFacts(client)).stamp).toBe("staging");
  });

  test("tell a plain role from one that acts for it", async ({ database, onTestFinished }) => {
    const plain = uniqueName("plain");
    await runAsSuperuser(database.server, `CREATE ROLE ${plain} CREATEDB`);
    onTestFinished(() => runAsSuperuser(database.server, `DROP ROLE ${plain}`));
    await using client = await connect(database.settings, options);
    await client.query(`SET ROLE ${plain}`);
    expect(await readServerFacts(client)).toMatchObject({
      role: plain,
      sessionRole: database.settings.user,
      isSuperuser: false,
      canCreateDatabase: true,
    });
  });

  test("read the same inside a snapshot, with nothing on the search path", async ({ database }) => {
    await using client = await connect(database.settings, options);
    const before = await readServerFacts(client);
    await using snapshot = await openSnapshot(client);
    expect((await readServerFacts(snapshot.client)).source.databaseOid).toBe(before.source.databaseOid);
  });
});

describe("an extension counts as used", () => {
  test.for([
    { because: "a column is of its type", sql: "CREATE TABLE t (c citext)", used: ["citext"] },
    { because: "a column is of an array of its type", sql: "CREATE TABLE t (c citext[])", used: ["citext"] },
    {
      because: "an index uses its operators",
      sql: "CREATE TABLE t (c text); CREATE INDEX ON t USING gin (c gin_trgm_ops)",
      used: ["pg_trgm"],
    },
    {
      because: "a default calls its function",
      sql: "CREATE TABLE t (c uuid DEFAULT uuid_generate_v4())",
      used: ["uuid-ossp"],
    },
    {
      because: "a view calls its function",
      sql: "CREATE VIEW v AS SELECT similarity('a', 'b')",
      used: ["pg_trgm"],
    },
    {
      because: "a function is written in its language",
      sql: "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN END'",
      used: ["plpgsql"],
    },
    {
      because: "another extension requires it",
      sql: "CREATE EXTENSION earthdistance CASCADE",
      used: ["cube"],
    },
    {
      because: "a foreign server uses its wrapper",
      sql: "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
      used: ["postgres_fdw"],
    },
    { because: "nothing does", sql: "CREATE TABLE t (c text DEFAULT upper('x'), PRIMARY KEY (c))", used: [] },
  ])("when $because", async ({ sql, used }, { database }) => {
    await using client = await connect(database.settings, options);
    for (const name of ["citext", "pg_trgm", "uuid-ossp", "postgres_fdw", "pg_stat_statements"]) {
      await client.query(`CREATE EXTENSION ${quoteIdentifier(name)}`);
    }
    await client.query(sql);
    const { source } = await readServerFacts(client);
    expect(source.extensions.filter((extension) => extension.used).map(({ name }) => name)).toEqual(used);
  });
});

test("policies are listed with the roles they name, those for everyone are not", async ({
  database,
  onTestFinished,
}) => {
  const [one, two] = [uniqueName("a_role"), `${uniqueName("b")} "quoted"`];
  await using client = await connect(database.settings, options);
  await client.query(
    `CREATE ROLE ${one}; CREATE ROLE ${quoteIdentifier(two)}; CREATE TABLE "the table" (); ALTER TABLE "the table" ENABLE ROW LEVEL SECURITY;
     CREATE POLICY everyone ON "the table" USING (true);
     CREATE POLICY "some people" ON "the table" TO ${one}, ${quoteIdentifier(two)} USING (true)`,
  );
  onTestFinished(() =>
    runAsSuperuser(
      database.server,
      `DROP ROLE IF EXISTS ${one}; DROP ROLE IF EXISTS ${quoteIdentifier(two)}`,
    ),
  );
  expect((await readServerFacts(client)).source.policies).toEqual([
    { schema: "public", table: "the table", name: "some people", roles: [one, two] },
  ]);
  await client.query('DROP TABLE "the table"');
});
