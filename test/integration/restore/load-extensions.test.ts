import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { connect } from "../../../src/postgres/client.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, test, uniqueName } from "../../support/postgres-test.ts";
import { connectTo, dump, load, scratchIn } from "../../support/scratch.ts";

const WITH_EXTENSIONS = `
  CREATE SCHEMA "their parts";
  CREATE EXTENSION cube SCHEMA "their parts";
  CREATE EXTENSION earthdistance SCHEMA "their parts";
  CREATE TABLE boxes (box "their parts".cube);
  INSERT INTO boxes VALUES ('(0,0),(1,1)');
  CREATE VIEW how_far AS SELECT "their parts".sec_to_gc(1) AS metres;
  CREATE EXTENSION postgres_fdw;
  CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
  CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'app', password 'of elsewhere');
  CREATE FOREIGN TABLE far (id int) SERVER elsewhere;`;

describe("loadArchive", () => {
  test("makes extensions in their schemas, and foreign servers without their credentials", async ({
    database,
  }) => {
    await using client = await database.connect();
    await client.query(WITH_EXTENSIONS);
    await using dumped = await dump(database);
    await using maintenance = await connectTo(database.server);
    await using scratch = await scratchIn(maintenance, dumped.manifest.source);
    const { leftOut, missingExtensions } = await load(database.server, dumped, scratch);
    await scratch.handOver();
    expect([...missingExtensions]).toEqual([]);
    expect(leftOut).toEqual([expect.stringMatching(/^USER MAPPING .*elsewhere.*holds credentials/)]);
    const restored = settingsFor(database.server, { database: scratch.name });
    await client.query("DROP USER MAPPING FOR PUBLIC SERVER elsewhere");
    expect(await compareDatabases(database.settings, restored)).toEqual([]);
  });

  test("does without an extension that the settings skip, when nothing uses it", async ({ database }) => {
    await using client = await database.connect();
    await client.query("CREATE EXTENSION citext; CREATE TABLE plain (id int)");
    await using dumped = await dump(database);
    await using maintenance = await connectTo(database.server);
    await using scratch = await scratchIn(maintenance, dumped.manifest.source);
    const loaded = await load(database.server, dumped, scratch, { skipExtensions: ["citext"] });
    expect(loaded.leftOut).toEqual(["EXTENSION citext: listed under skipExtensions"]);
    expect([...loaded.missingExtensions]).toEqual(["citext"]);
  });

  test("as a role that may only create databases: trusted extensions are its own to create, others are refused", async ({
    database,
  }) => {
    const user = uniqueName("role");
    await runAsSuperuser(database.server, `CREATE ROLE ${user} LOGIN CREATEDB PASSWORD 'x'`);
    const settings = settingsFor(database.server, { user, password: new Secret("x") });
    await using client = await database.connect();
    await client.query("CREATE EXTENSION citext; CREATE TABLE named AS SELECT 'a'::citext AS name");
    await using maintenance = await connect(settings, { applicationName: "test" });
    {
      await using dumped = await dump(database);
      await using scratch = await scratchIn(maintenance, dumped.manifest.source);
      expect((await load(database.server, dumped, scratch)).leftOut).toEqual([]);
      await scratch.handOver();
      const restored = settingsFor(database.server, { database: scratch.name });
      expect(await compareDatabases(database.settings, restored)).toEqual([]);
    }
    await client.query("CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw");
    await using dumped = await dump(database);
    await using scratch = await scratchIn(maintenance, dumped.manifest.source);
    await expect(load(database.server, dumped, scratch)).rejects.toMatchObject({
      exit: "refused",
      message: expect.stringContaining("extension postgres_fdw, which cannot be created here"),
    });
  });
});
