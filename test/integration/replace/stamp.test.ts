import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import { readServerFacts } from "../../../src/postgres/server-facts.ts";
import { readStampTarget, writeStamp } from "../../../src/replace/guard/stamp.ts";
import {
  createDatabase,
  runAsSuperuser,
  test,
  uniqueName,
  type TestDatabase,
} from "../../support/postgres-test.ts";
import { connection } from "../../support/restore-target.ts";

describe("a stamp", () => {
  test("is written to the database that was shown, and is what the guard reads", async ({ database }) => {
    await using client = await connect(database.settings, connection);
    await client.query(
      `CREATE TABLE one (); CREATE TABLE parted (a int) PARTITION BY LIST (a);
       CREATE TABLE part PARTITION OF parted DEFAULT; CREATE TEMPORARY TABLE passing ()`,
    );
    const { source } = await readServerFacts(client);
    const target = await readStampTarget(client);
    expect(target).toEqual({
      address: { host: "127.0.0.1", port: database.settings.port },
      systemIdentifier: source.systemIdentifier,
      databaseName: database.name,
      databaseOid: source.databaseOid,
      tables: 2,
      size: expect.any(Number),
      stamp: undefined,
      isSetting: false,
      comment: null,
    });
    expect(target.size).toBeGreaterThan(1_000_000);
    await writeStamp(client, target, "staging");
    expect((await readServerFacts(client)).stamp).toBe("staging");
    expect((await readStampTarget(client)).stamp).toBe("staging");
  });

  test("takes the place of another, however that was spelled", async ({ database }) => {
    await using client = await connect(database.settings, connection);
    await client.query(`ALTER DATABASE ${database.name} SET "DataOps"."Environment" = 'production'`);
    await writeStamp(client, await readStampTarget(client), "development");
    expect((await readServerFacts(client)).stamp).toBe("development");
  });

  test("has no address through a socket", async ({ database, skip }) => {
    const host = database.server.socketDirectory ?? skip("the server is not ours: its socket is not known");
    await using client = await connect({ ...database.settings, host }, connection);
    expect((await readStampTarget(client)).address).toBeUndefined();
  });

  test("is refused for a database that is not the one shown", async ({ database, onTestFinished }) => {
    const other = await createDatabase(database.server);
    onTestFinished(() => other.drop());
    await using client = await connect(database.settings, connection);
    const target = await readStampTarget(client);
    const others = await readStampTarget(await other.connect());
    const wrong = [
      others,
      { ...target, databaseOid: others.databaseOid },
      { ...target, systemIdentifier: "1" },
    ];
    for (const shown of wrong) {
      await expect(writeStamp(client, shown, "staging")).rejects.toMatchObject({ exit: "refused" });
    }
    expect((await readStampTarget(client)).stamp).toBeUndefined();
  });

  test.for(["", "Production", "1st", "a b", "x'; DROP DATABASE y", "a".repeat(33), "prod\n"])(
    "of %j is none",
    async (environment, { database }) => {
      await using client = await connect(database.settings, connection);
      const target = await readStampTarget(client);
      await expect(writeStamp(client, target, environment)).rejects.toMatchObject({ exit: "usage" });
    },
  );

  describe("by a plain owner", () => {
    async function plainOwner(
      database: TestDatabase,
      onTestFinished: (then: () => Promise<void>) => void,
    ): Promise<{ role: string; client: PostgresClient }> {
      const role = uniqueName("plain");
      await runAsSuperuser(
        database.server,
        `CREATE ROLE ${role} LOGIN PASSWORD 'password'; ALTER DATABASE ${database.name} OWNER TO ${role}`,
      );
      const settings = { ...database.settings, user: role, password: new Secret("password") };
      const client = await connect(settings, connection);
      onTestFinished(async () => {
        await client[Symbol.asyncDispose]();
        await database.drop();
        await runAsSuperuser(database.server, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
      });
      return { role, client };
    }
    const stampAs = async (client: PostgresClient, environment: string) =>
      writeStamp(client, await readStampTarget(client), environment);
    const read = async (client: PostgresClient) => {
      const { stamp, comment } = await readStampTarget(client);
      expect((await readServerFacts(client)).stamp).toBe(stamp);
      return { stamp, comment };
    };

    test("stands in the comment, below what stood there", async ({ database, onTestFinished }) => {
      const { client } = await plainOwner(database, onTestFinished);
      expect(await stampAs(client, "staging")).toBe("comment");
      expect(await read(client)).toEqual({ stamp: "staging", comment: "[dataops: environment staging]" });
      await client.query(`COMMENT ON DATABASE ${database.name} IS 'ask ops'`);
      expect(await stampAs(client, "staging")).toBe("comment");
      expect(await stampAs(client, "review")).toBe("comment");
      expect(await read(client)).toEqual({
        stamp: "review",
        comment: "ask ops\n[dataops: environment review]",
      });
    });

    test("is a setting where a superuser grants that, and leaves the comment", async ({
      database,
      onTestFinished,
    }) => {
      const { client, role } = await plainOwner(database, onTestFinished);
      await client.query(`COMMENT ON DATABASE ${database.name} IS 'ask ops'`);
      await stampAs(client, "staging");
      await runAsSuperuser(database.server, `GRANT SET ON PARAMETER dataops.environment TO ${role}`);
      expect(await stampAs(client, "staging")).toBe("setting");
      expect(await read(client)).toEqual({ stamp: "staging", comment: "ask ops" });
    });

    test("cannot take the place of a superuser's, and the hint says what can", async ({
      database,
      onTestFinished,
    }) => {
      const { client } = await plainOwner(database, onTestFinished);
      await runAsSuperuser(
        database.server,
        `ALTER DATABASE ${database.name} SET dataops.environment = 'production'`,
      );
      await expect(stampAs(client, "staging")).rejects.toMatchObject({
        exit: "notPermitted",
        hint: expect.stringContaining("GRANT SET ON PARAMETER dataops.environment"),
      });
      expect(await read(client)).toEqual({ stamp: "production", comment: null });
    });

    test("is none where two are at odds", async ({ database, onTestFinished }) => {
      const { client } = await plainOwner(database, onTestFinished);
      await stampAs(client, "staging");
      await runAsSuperuser(
        database.server,
        `ALTER DATABASE ${database.name} SET dataops.environment = 'production'`,
      );
      expect(await read(client)).toMatchObject({ stamp: "production and staging" });
    });
  });
});
