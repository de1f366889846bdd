import { hash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { describe, expect, onTestFinished, vi } from "vitest";
import { silentReporter, type Reporter } from "../../../src/observe/reporter.ts";
import { readRestore } from "../../../src/config/read-restore.ts";
import { DEFAULT_RESTORE } from "../../../src/config/schema.ts";
import { makeBackupId } from "../../../src/repository/backup-id.ts";
import { archiveKey, packKey } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { verifyRestore, type RestoreVerdict } from "../../../src/restore/verify/verify-restore.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { flipStored, readObject } from "../../support/changed-storage.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import {
  createDatabase,
  runAsSuperuser,
  test,
  uniqueName,
  type TestDatabase,
} from "../../support/postgres-test.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { backUpInto, type BackupOptions } from "../../support/run-backup.ts";
import { connectTo } from "../../support/scratch.ts";
import type { SharedPostgres } from "../../support/shared-servers.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { linesOf, NOTES } from "../../support/verify-test.ts";
import { NOTHING } from "../../support/known-value.ts";

const LONG = 120_000;

interface Given {
  database: TestDatabase;
  /** Where the backup is. */
  storage: Storage;
  manifest: Manifest;
  /** Of its own, so that what others leave is not taken for this test's. */
  name: string;
}

async function given(server: SharedPostgres, sql: string, options: BackupOptions = {}): Promise<Given> {
  const database = await createDatabase(server);
  onTestFinished(() => database.drop());
  const client = await database.connect();
  await client.query(sql);
  const folder = await temporaryFolder("verify");
  const name = uniqueName("shop");
  const manifest = await backUpInto(folder, database.settings, {
    database: name,
    programs: { ...process.env, DATAOPS_POSTGRES_BIN: server.programs },
    ...options,
  });
  return { database, storage: openFileStorage(folder), manifest, name };
}

interface Changes {
  allowSourceServer?: boolean;
  environment?: string;
  reporter?: Reporter;
  signal?: AbortSignal;
  cache?: string;
}

async function verify(
  { storage, manifest }: Given,
  server: SharedPostgres,
  {
    allowSourceServer = false,
    environment = "staging",
    reporter = silentReporter,
    signal,
    cache,
  }: Changes = {},
): Promise<RestoreVerdict> {
  return await verifyRestore(
    {
      storage,
      reporter,
      signal: signal ?? new AbortController().signal,
      environment: { ...process.env, DATAOPS_POSTGRES_BIN: server.programs },
      now: () => performance.now(),
    },
    {
      manifest,
      server: { name: "staging", environment, connection: settingsFor(server) },
      allowSourceServer,
      settings: { ...readRestore("local", DEFAULT_RESTORE, NOTHING), jobs: 2 },
      cache: { directory: cache ?? (await temporaryFolder("cache")), maxBytes: 1_000_000_000 },
      runId: makeBackupId(Date.now()),
      allowVulnerableClient: true,
    },
  );
}

/** The scratch databases of this test. */
async function scratchOf({ name }: Given, server: SharedPostgres): Promise<string[]> {
  await using client = await connectTo(server);
  const rows = await client.query<{ name: string }>(
    "SELECT datname::text AS name FROM pg_database WHERE strpos(datname, $1) > 0",
    [name],
  );
  return rows.map((row) => row.name);
}

describe("every kind of table passes", () => {
  async function expectPassed(source: Given, server: SharedPostgres, changes: Changes = {}): Promise<void> {
    const cache = await temporaryFolder("cache");
    const { findings, restoreTime, serverVersion } = await verify(source, server, { ...changes, cache });
    expect(linesOf(findings)).toEqual([]);
    expect(restoreTime).toBeGreaterThan(100);
    expect(serverVersion).toMatch(/^1[568]\./);
    expect(await scratchOf(source, server)).toEqual([]);
    expect(await readdir(cache)).toEqual([]);
  }
  const SQL = everyKindOfTable({ size: 3_000_000 });

  // On the server that it is of, where the configuration says so: another one may lack its extensions.
  test("from blocks", { timeout: LONG }, async ({ postgres15 }) => {
    await expectPassed(await given(postgres15, SQL), postgres15, { allowSourceServer: true });
  });

  test("from an archive", { timeout: LONG }, async ({ postgres15 }) => {
    await expectPassed(await given(postgres15, SQL, { format: "archive" }), postgres15, {
      allowSourceServer: true,
    });
  });

  test("from both, with PostgreSQL 18", { timeout: LONG }, async ({ postgres18 }) => {
    const source = await given(postgres18, SQL, { blockThreshold: 100_000 });
    expect(source.manifest.blocks?.tables.length).toBeGreaterThan(0);
    expect(source.manifest.blocks?.tables.length).toBeLessThan(source.manifest.tables.length);
    await expectPassed(source, postgres18, { allowSourceServer: true });
  });
});

test.for(["archive", "blocks"] as const)(
  "a database whose settings print values otherwise passes, from %s",
  { timeout: LONG },
  async (format, { postgres15, postgres16 }) => {
    const source = await given(
      postgres15,
      `DO $$BEGIN
         EXECUTE format('ALTER DATABASE %I SET TimeZone = "America/New_York"', current_database());
         EXECUTE format('ALTER DATABASE %I SET bytea_output = escape', current_database());
         EXECUTE format('ALTER DATABASE %I SET DateStyle = "German, DMY"', current_database());
         EXECUTE format('ALTER DATABASE %I SET extra_float_digits = 0', current_database());
       END$$;
       CREATE TABLE things AS SELECT now() AS at, '\\x00ff'::bytea AS bytes, 0.1::float8 + 0.2 AS sum, interval '1 day' AS took`,
      { format },
    );
    const { findings } = await verify(source, postgres16);
    expect(linesOf(findings)).toEqual([]);
  },
);

/** A function that claims to change nothing, and changes rows whenever the index is built. */
const MEDDLING = `${NOTES}
  CREATE TABLE others (id int); INSERT INTO others VALUES (1);
  CREATE FUNCTION change_a_note() RETURNS void LANGUAGE plpgsql AS
    $$BEGIN UPDATE public.notes SET note = note || '!' WHERE notes.id = 7; END$$;
  CREATE FUNCTION meddle(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM public.change_a_note(); RETURN id; END$$;
  CREATE INDEX ON others (meddle(id))`;

describe("rows that are others after the restore", () => {
  test.for([
    ["as blocks", { blockThreshold: 0 }],
    ["in the archive", { format: "archive" }],
  ] as const)(
    "%s fail it, with the table",
    { timeout: LONG },
    async ([, options], { postgres15, postgres16 }) => {
      const source = await given(postgres15, MEDDLING, options);
      const { findings, restoreTime } = await verify(source, postgres16);
      expect(linesOf(findings)).toEqual([
        "public.notes | restored, it has as many rows as in the backup (4000), but not the same ones",
      ]);
      expect(restoreTime).toBeGreaterThan(0);
      expect(await scratchOf(source, postgres16)).toEqual([]);
    },
  );
});

describe("a backup that cannot be restored fails it", () => {
  test(
    "with the pack and the table where a bit flipped",
    { timeout: LONG },
    async ({ postgres15, postgres16 }) => {
      const source = await given(postgres15, NOTES);
      const [pack] = source.manifest.blocks?.packs ?? [];
      await flipStored(source.storage, packKey(source.name, pack?.name ?? ""), 30);
      const { findings, restoreTime } = await verify(source, postgres16);
      expect(linesOf(findings)).toEqual([
        expect.stringMatching(/^pack \S+ is corrupt at byte 0: the rows of public\.notes from page 0/),
      ]);
      expect(restoreTime).toBeNull();
      expect(await scratchOf(source, postgres16)).toEqual([]);
    },
  );

  test(
    "with the statement that the server would not take",
    { timeout: LONG },
    async ({ postgres15, postgres16 }) => {
      // On its own server the view finds the function by the search path of the session that made it.
      const source = await given(
        postgres15,
        `CREATE FUNCTION inner_one() RETURNS int LANGUAGE sql AS 'SELECT 1';
       CREATE FUNCTION outer_one(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN inner_one(); END';
       CREATE TABLE things (id int CHECK (outer_one(id) = 1)); INSERT INTO things VALUES (1)`,
        { format: "archive" },
      );
      const { findings } = await verify(source, postgres16);
      expect(linesOf(findings)).toEqual([expect.stringMatching(/inner_one\(\) does not exist/)]);
      expect(await scratchOf(source, postgres16)).toEqual([]);
    },
  );

  test(
    "where the archive counts other rows than the manifest",
    { timeout: LONG },
    async ({ postgres15, postgres16 }) => {
      const source = await given(postgres15, NOTES, { format: "archive" });
      const [table] = source.manifest.tables;
      const manifest = { ...source.manifest, tables: [{ ...table!, rows: 3999 }] };
      const { findings } = await verify({ ...source, manifest }, postgres16);
      expect(linesOf(findings)).toEqual([expect.stringContaining("public.notes has 4000 (backup: 3999)")]);
    },
  );
});

describe("it is not tried", () => {
  test("on the server that the backup is of", async ({ postgres15 }) => {
    const source = await given(postgres15, NOTES);
    await expect(verify(source, postgres15)).rejects.toMatchObject({
      exit: "refused",
      message: "the server of staging is the one that the backup was made of, or a copy of it",
      hint: expect.stringContaining("allowSourceServer"),
    });
  });

  test("on a server of production", async ({ postgres15, postgres16 }) => {
    const source = await given(postgres15, NOTES);
    await expect(verify(source, postgres16, { environment: "production" })).rejects.toMatchObject({
      exit: "refused",
    });
  });

  test("where a program is missing, or the server", async ({ postgres15, postgres16 }) => {
    const source = await given(postgres15, NOTES);
    const gone = { ...postgres16, port: 1 };
    await expect(verify(source, gone)).rejects.toMatchObject({ exit: "unreachable" });
    expect(await scratchOf(source, postgres16)).toEqual([]);
  });
});

test("the cache is neither used nor filled", { timeout: LONG }, async ({ postgres15, postgres16 }) => {
  const source = await given(postgres15, NOTES, { format: "archive" });
  const cache = await temporaryFolder("cache");
  await verify(source, postgres16, { cache });
  expect(await readdir(cache)).toEqual([]);
  const key = archiveKey(source.name, source.manifest.id);
  expect(hash("sha256", await readObject(source.storage, key), "hex")).toBe(source.manifest.archive.sha256);
});

test.for(["load", "compare"])(
  "an abort during the %s leaves nothing",
  { timeout: LONG },
  async (stage, { postgres15, postgres16 }) => {
    const source = await given(postgres15, NOTES);
    const abort = new AbortController();
    const reason = new Error("told to end");
    const reporter: Reporter = {
      ...silentReporter,
      progress: (begun) => {
        if (begun === stage) setImmediate(() => abort.abort(reason));
        return { add() {}, end() {} };
      },
    };
    const cache = await temporaryFolder("cache");
    await expect(verify(source, postgres16, { reporter, signal: abort.signal, cache })).rejects.toBe(reason);
    expect(await scratchOf(source, postgres16)).toEqual([]);
    expect(await readdir(cache)).toEqual([]);
    await vi.waitFor(async () => {
      await using client = await connectTo(postgres16);
      const rows = await client.query("SELECT FROM pg_stat_activity WHERE strpos(datname, $1) > 0", [
        source.name,
      ]);
      expect(rows).toEqual([]);
    });
  },
);

test("a server with a database that is stamped as production is left alone", async ({
  postgres15,
  postgres16,
}) => {
  const source = await given(postgres15, "CREATE TABLE things (id int)");
  const stamped = await createDatabase(postgres16);
  onTestFinished(() => stamped.drop());
  await runAsSuperuser(postgres16, `ALTER DATABASE ${stamped.name} SET dataops.environment = 'production'`);
  const error: unknown = await verify(source, postgres16).catch((reason: unknown) => reason);
  await runAsSuperuser(postgres16, `ALTER DATABASE ${stamped.name} RESET dataops.environment`);
  expect(error).toMatchObject({
    exit: "refused",
    message: expect.stringContaining("is stamped as production"),
  });
});
