import { createHash } from "node:crypto";
import { describe, expect, onTestFinished } from "vitest";
import { quoteIdentifier } from "../../../src/postgres/quote.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import type { DataopsExit } from "../../support/dataops-process.ts";
import { restoreWithStockTools } from "../../support/e2e-restore.ts";
import { ARCHIVE_CONFIG, backupKeys, environmentOf, test } from "../../support/e2e-test.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { createDatabase, type TestDatabase } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const MIB = 1024 * 1024;

describe("a backup", () => {
  test("is listed, shown, and restored equal by stock programs", async ({ database, bucket, dataops }) => {
    const client = await database.connect();
    await client.query(everyKindOfTable({ size: 10 * MIB }));
    const environment = environmentOf(database, bucket);

    const made = await dataops.run(["backup", "production", "--json"], {
      environment,
      config: ARCHIVE_CONFIG,
    });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const manifest = manifestOf(made);
    const folder = `production/backups/${manifest.id}`;
    expect(await backupKeys(bucket)).toEqual([
      "dataops.json",
      `${folder}/archive.dump.zst`,
      `${folder}/manifest.json`,
    ]);
    expect(JSON.parse((await bucket.read(`${folder}/manifest.json`)).toString())).toMatchObject(manifest);

    const listed = await dataops.run(["list", "--json"], { environment });
    expect(listed.json()).toMatchObject({
      backups: [{ id: manifest.id, database: "production", size: manifest.archive.size }],
      unreadable: [],
      unfinished: [],
      foreign: [],
    });
    const shown = await dataops.run(["show", "latest", "--json"], { environment });
    expect(shown.json()).toEqual(manifest);

    const archive = await bucket.read(`${folder}/archive.dump.zst`);
    expect(manifest.archive).toMatchObject({ size: archive.byteLength, sha256: sha256(archive) });

    const restored = await restoreWithStockTools(
      bucket,
      `${folder}/archive.dump.zst`,
      database,
      await temporaryFolder("stock"),
    );
    onTestFinished(() => restored.drop());
    expect(await compareDatabases(database.settings, restored.settings)).toEqual([]);
    expect(manifest.tables).toEqual(await countedRows(restored, manifest));
  });

  test("is told to people in one line, and the talk goes to stderr", async ({
    database,
    bucket,
    dataops,
  }) => {
    const client = await database.connect();
    await client.query("CREATE TABLE orders AS SELECT generate_series(1, 1234) AS id");
    const environment = environmentOf(database, bucket);

    const made = await dataops.run(["backup"], { environment });
    expect(made).toMatchObject({ code: 0 });
    expect(made.stdout).toMatch(
      /^backup \d{8}T\d{6}Z-\w+ of production: 1 table, 1,234 rows, .+ stored from .+, in .+\n$/,
    );
    const listed = await dataops.run(["list"], { environment });
    expect(listed.stdout).toMatch(
      /^ID +DATABASE +AGE +STORED +TABLES +ROWS +VERIFIED\n.+ production .+ 1 +1,234 +-\n$/,
    );
    const shown = await dataops.run(["show", "latest"], { environment });
    expect(shown.stdout).toContain("public.orders");
  });

  test("stands beside the one before, and the newer is the latest", async ({ database, bucket, dataops }) => {
    const environment = environmentOf(database, bucket);
    const first = manifestOf(await dataops.run(["backup", "--json"], { environment }));
    const second = manifestOf(await dataops.run(["backup", "--json"], { environment }));

    const listed = await dataops.run(["list", "--json"], { environment });
    expect(listed.json()).toMatchObject({ backups: [{ id: second.id }, { id: first.id }] });
    expect(manifestOf(await dataops.run(["show", "latest", "--json"], { environment })).id).toBe(second.id);
    expect(manifestOf(await dataops.run(["show", first.id, "--json"], { environment }))).toEqual(first);
  });

  test("of two databases in one bucket are told apart", async ({ database, bucket, dataops }) => {
    const other = await createDatabase(database.server);
    onTestFinished(() => other.drop());
    const environment = environmentOf(database, bucket, {
      STAGING_URL: urlFor(other.server, other.name),
    });
    const config = {
      storage: { url: "${DATAOPS_STORAGE}" },
      databases: {
        production: { url: "${DATABASE_URL}", environment: "production" },
        staging: { url: "${STAGING_URL}", environment: "staging" },
      },
    };
    const ofProduction = manifestOf(
      await dataops.run(["backup", "production", "--json"], { environment, config }),
    );
    const ofStaging = manifestOf(await dataops.run(["backup", "staging", "--json"], { environment, config }));
    expect([ofProduction.source.databaseName, ofStaging.source.databaseName]).toEqual([
      database.name,
      other.name,
    ]);

    const listed = await dataops.run(["list", "staging", "--json"], { environment, config });
    expect(listed.json()).toMatchObject({ backups: [{ id: ofStaging.id, database: "staging" }] });
    const shown = await dataops.run(["show", "latest", "--json"], { environment, config });
    expect(manifestOf(shown).id, "production's, though it is the older").toBe(ofProduction.id);
    const latest = await dataops.run(["show", "latest", "--from", "staging", "--json"], {
      environment,
      config,
    });
    expect(manifestOf(latest).id).toBe(ofStaging.id);
  });

  test("goes beneath a prefix, and leaves alone whatever else is there", async ({
    database,
    bucket,
    dataops,
  }) => {
    const environment = environmentOf(database, bucket, {
      DATAOPS_STORAGE: `s3://${bucket.name}/some/prefix`,
    });
    const foreign = {
      "some/prefix/production/backups/notes.txt": "ours",
      "some/prefix/readme.md": "ours",
      "elsewhere/production/backups/x": "not even seen",
    };
    for (const [key, body] of Object.entries(foreign)) await bucket.write(key, body);

    const { id } = manifestOf(await dataops.run(["backup", "--json"], { environment }));
    const listed = await dataops.run(["list", "--json"], { environment });
    expect(listed.json()).toMatchObject({
      backups: [{ id }],
      foreign: ["production/backups/notes.txt"],
    });
    expect(await backupKeys(bucket)).toEqual([
      "elsewhere/production/backups/x",
      "some/prefix/dataops.json",
      `some/prefix/production/backups/${id}/archive.dump.zst`,
      `some/prefix/production/backups/${id}/manifest.json`,
      "some/prefix/production/backups/notes.txt",
      "some/prefix/readme.md",
    ]);
    const told = await dataops.run(["list"], { environment });
    expect(told.stderr).toContain("1 object in the backups' folders that dataops did not write");
  });
});

test("an empty storage has no backups, and is no error", async ({ database, bucket, dataops }) => {
  const environment = environmentOf(database, bucket);
  const listed = await dataops.run(["list", "--json"], { environment });
  expect(listed).toMatchObject({ code: 0, stderr: "" });
  expect(listed.json()).toMatchObject({ backups: [], unreadable: [], unfinished: [], foreign: [] });
  expect(await dataops.run(["list"], { environment })).toMatchObject({
    code: 0,
    stdout: `no backups in s3://${bucket.name}\n`,
  });
  expect(await bucket.keys(), "whoever reads writes nothing").toEqual([]);

  const shown = await dataops.run(["show", "latest", "--json"], { environment });
  expect(shown).toMatchObject({ code: 10 });
  expect(shown.json()).toMatchObject({ error: { exit: "noSuchBackup", code: 10 } });
});

test("a manifest that was changed is reported, and nothing older passes for the latest", async ({
  database,
  bucket,
  dataops,
}) => {
  const environment = environmentOf(database, bucket);
  const first = manifestOf(await dataops.run(["backup", "--json"], { environment }));
  const second = manifestOf(await dataops.run(["backup", "--json"], { environment }));
  const key = `production/backups/${second.id}/manifest.json`;
  const text = (await bucket.read(key)).toString();
  await bucket.write(key, text.replace('"rawSize": ', '"rawSize": 1'));

  const listed = await dataops.run(["list", "--json"], { environment });
  expect(listed).toMatchObject({ code: 3 });
  expect(listed.json()).toMatchObject({ backups: [{ id: first.id }], unreadable: [{ id: second.id }] });
  expect(await dataops.run(["show", "latest"], { environment })).toMatchObject({ code: 14 });
});

function manifestOf(exit: DataopsExit): Manifest {
  expect(exit, exit.stdout + exit.stderr).toMatchObject({ code: 0 });
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  return exit.json() as Manifest;
}

/** What the manifest should say, counted where it was restored. */
async function countedRows(database: TestDatabase, { tables }: Manifest): Promise<Manifest["tables"]> {
  const client = await database.connect();
  const counted: Manifest["tables"] = [];
  for (const table of tables) {
    const name = [table.schema, table.name].map(quoteIdentifier).join(".");
    const [count] = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ONLY ${name}`);
    counted.push({ ...table, rows: Number(count?.rows) });
  }
  return counted;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
