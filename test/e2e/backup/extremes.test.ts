import { describe, expect, onTestFinished } from "vitest";
import { quoteIdentifier } from "../../../src/postgres/quote.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import type { TestBucket } from "../../support/e2e-bucket.ts";
import { restoreWithStockTools } from "../../support/e2e-restore.ts";
import { ARCHIVE_CONFIG, environmentOf, test, type Dataops } from "../../support/e2e-test.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { createDatabase, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Everything in a name that a shell, a passfile, a connection string, SQL or a terminal could stumble over. */
const ODD = `o'd"d \\ name: 100% $HOME \`x\`\n\t=;,-- 😀é`;

describe("backed up, and restored equal:", () => {
  test("a database without a table", async ({ database, bucket, dataops }) => {
    const manifest = await expectEqualAfterRestore(database, bucket, dataops);
    expect(manifest.tables).toEqual([]);
  });

  test("names of every kind, the database's own among them", async ({ postgres15, bucket, dataops }) => {
    // A connection string refuses control characters in the database's name, as it has them by mistake.
    const database = await createDatabase(postgres15, uniqueName(ODD.replaceAll(/\p{Cc}/gu, "")));
    onTestFinished(() => database.drop());
    const client = await database.connect();
    const odd = quoteIdentifier(ODD);
    await client.query(`CREATE SCHEMA ${odd}`);
    await client.query(`CREATE TABLE ${odd}.${odd} (${odd} text PRIMARY KEY)`);
    await client.query(`INSERT INTO ${odd}.${odd} VALUES ($1), ('two'), ('')`, [ODD]);
    await client.query(`CREATE MATERIALIZED VIEW ${odd}."-- view" AS SELECT * FROM ${odd}.${odd}`);

    const manifest = await expectEqualAfterRestore(database, bucket, dataops);
    expect(manifest.source.databaseName).toBe(database.name);
    expect(manifest.tables).toContainEqual({ schema: ODD, name: ODD, rows: 3 });
  });

  test("a value of 200 MB", async ({ database, bucket, dataops }) => {
    const client = await database.connect();
    await client.query("CREATE TABLE large (content text)");
    await client.query("ALTER TABLE large ALTER COLUMN content SET STORAGE EXTERNAL");
    await client.query("INSERT INTO large VALUES (repeat('0123456789abcde\n', 12500000))");
    await expectEqualAfterRestore(database, bucket, dataops);
    await expectEqualFromBlocks(database, bucket, dataops);
  });

  test("10,000 tables", async ({ database, bucket, dataops }) => {
    const client = await database.connect();
    await client.query(`
      DO $$ BEGIN
        FOR number IN 1..10000 LOOP
          EXECUTE format('CREATE TABLE t%s AS SELECT %s AS id', number, number);
        END LOOP;
      END $$`);
    const made = await dataops.run(["backup", "--json"], { environment: environmentOf(database, bucket) });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const { tables } = readManifest(made.stdout);
    expect(new Set(tables.map(({ name }) => name)).size).toBe(10_000);
    expect(tables.filter(({ rows }) => rows !== 1)).toEqual([]);
  });
});

/** The same with blocks, which the program itself restores. */
async function expectEqualFromBlocks(
  database: TestDatabase,
  bucket: TestBucket,
  dataops: Dataops,
): Promise<void> {
  const restored = await createDatabase(database.server);
  onTestFinished(() => restored.drop());
  const environment = environmentOf(database, bucket, {
    LOCAL_DATABASE_URL: urlFor(database.server, restored.name),
    DATAOPS_POSTGRES_BIN: database.server.programs ?? "",
  });
  const made = await dataops.run(["backup", "--json"], { environment });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const { id, blocks } = readManifest(made.stdout);
  expect(blocks).not.toBeNull();
  const fetched = await dataops.run(["restore", id, "--to", "local"], { environment });
  expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
  expect(await compareDatabases(database.settings, restored.settings)).toEqual([]);
}

async function expectEqualAfterRestore(
  database: TestDatabase,
  bucket: TestBucket,
  dataops: Dataops,
): Promise<Manifest> {
  const environment = environmentOf(database, bucket);
  const made = await dataops.run(["backup", "--json"], { environment, config: ARCHIVE_CONFIG });
  expect(made, made.stdout.slice(0, 1000) + made.stderr).toMatchObject({ code: 0 });
  const manifest = readManifest(made.stdout);
  const restored = await restoreWithStockTools(
    bucket,
    `production/backups/${manifest.id}/${manifest.archive.object}`,
    database,
    await temporaryFolder("stock"),
  );
  onTestFinished(() => restored.drop());
  expect(await compareDatabases(database.settings, restored.settings)).toEqual([]);
  return manifest;
}

function readManifest(stdout: string): Manifest {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  return JSON.parse(stdout) as Manifest;
}
