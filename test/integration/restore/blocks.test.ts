import fc from "fast-check";
import { describe, expect, onTestFinished, vi } from "vitest";
import { DataopsError, isDataopsError } from "../../../src/errors.ts";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { readBlockIndexes } from "../../../src/repository/blocks/read-indexes.ts";
import { noPackCache } from "../../../src/repository/blocks/pack-cache.ts";
import { loadBlockTables } from "../../../src/restore/blocks/load-tables.ts";
import type { LoadSettings } from "../../../src/restore/load/settings.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { storeBlockBackup, type BlockBackupOptions } from "../../support/block-backups.ts";
import { loadBlockBackup } from "../../support/block-restores.ts";
import { cutStored, flipping } from "../../support/changed-storage.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { createDatabase, test, type TestDatabase } from "../../support/postgres-test.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { connectTo, scratchIn } from "../../support/scratch.ts";
import type { SharedPostgres } from "../../support/shared-servers.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const LONG = 120_000;

async function filled(server: SharedPostgres, sql: string): Promise<TestDatabase> {
  const database = await createDatabase(server);
  onTestFinished(() => database.drop());
  await using client = await database.connect();
  await client.query(sql);
  return database;
}

async function stored(
  database: TestDatabase,
  options?: BlockBackupOptions,
): Promise<{ storage: Storage; manifest: Manifest }> {
  const storage = openFileStorage(await temporaryFolder("blocks"));
  return { storage, manifest: await storeBlockBackup(storage, database, options) };
}

/** What differs between a database and what comes back of its backup. */
async function differencesAfterRestore(
  original: TestDatabase,
  { storage, manifest }: { storage: Storage; manifest: Manifest },
): Promise<string[]> {
  const { server } = original;
  await using maintenance = await connectTo(server);
  await using scratch = await scratchIn(maintenance, manifest.source);
  await loadBlockBackup(server, storage, manifest, scratch);
  await scratch.handOver();
  vi.stubEnv("DATAOPS_POSTGRES_BIN", server.programs);
  onTestFinished(() => void vi.unstubAllEnvs());
  return await compareDatabases(original.settings, settingsFor(server, { database: scratch.name }));
}

describe("every kind of table comes back equal from blocks", () => {
  async function expectEqual(server: SharedPostgres): Promise<void> {
    const original = await filled(server, everyKindOfTable({ size: 5_000_000 }));
    const backup = await stored(original);
    expect(backup.manifest.blocks?.tables.length).toBeGreaterThan(20);
    expect(backup.manifest.blocks?.packs.length).toBeGreaterThan(2);
    expect(await differencesAfterRestore(original, backup)).toEqual([]);
  }

  test("PostgreSQL 15", { timeout: LONG }, ({ postgres15 }) => expectEqual(postgres15));
  test("PostgreSQL 18", { timeout: LONG }, ({ postgres18 }) => expectEqual(postgres18));
});

test("rows are loaded with the settings of the restore", async ({ postgres15 }) => {
  const wide = "CREATE TABLE wide (body text)";
  const original = await filled(
    postgres15,
    `${wide}; INSERT INTO wide VALUES (repeat('compressible ', 1000))`,
  );
  const { storage, manifest } = await stored(original);
  await using loader = await intoTable(postgres15, wide);
  const compressions: unknown[] = [];
  for (const default_toast_compression of ["lz4", "pglz"]) {
    await loader.client.query("TRUNCATE wide");
    await loadRows(storage, manifest, loader, { loadSettings: { default_toast_compression } });
    compressions.push(...(await loader.client.query("SELECT pg_column_compression(body) AS by FROM wide")));
  }
  expect(compressions).toEqual([{ by: "lz4" }, { by: "pglz" }]);
});

describe("a byte that changed in the storage", () => {
  const ROWS = `CREATE TABLE notes (id int, note text);
    INSERT INTO notes SELECT number, repeat(md5(number::text), 5) FROM generate_series(1, 4000) AS number;
    UPDATE notes SET note = note || 'x' WHERE id % 7 = 0`;

  test("is found, or changes nothing", { timeout: LONG }, async ({ postgres15 }) => {
    const original = await filled(postgres15, ROWS);
    const { storage, manifest } = await stored(original, { packSize: 32 * 1024 });
    const packs = manifest.blocks?.packs ?? [];
    expect(packs.length).toBeGreaterThan(2);
    await using loader = await intoTable(postgres15, ROWS.split(";")[0] ?? "");
    const expected = await rowsOf(await original.connect());
    let found = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(packs.length - 1),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async (pack, place, bits) => {
          const { name = "", size = 0 } = packs[pack] ?? {};
          const changed = flipping(storage, `production/packs/${name}.pack`, Math.floor(place * size), bits);
          await loader.client.query("TRUNCATE notes");
          const error: unknown = await loadRows(changed, manifest, loader).then(
            () => undefined,
            (failure: unknown) => failure,
          );
          if (error !== undefined) found += 1;
          // Either it is told, with all the names, or it did no harm.
          const outcome = error === undefined ? await rowsOf(loader.client) : told(error, name);
          expect(outcome).toEqual(error === undefined ? expected : told(CORRUPT, name));
        },
      ),
      { numRuns: 150 },
    );
    expect(found, "the changes do harm").toBeGreaterThan(100);
  });

  test.for([
    ["cut", (storage: Storage, key: string) => cutStored(storage, key)],
    ["missing", (storage: Storage, key: string) => storage.delete(key)],
  ] as const)("a pack that is %s is found before anything is made", async ([, harm], { postgres15 }) => {
    const original = await filled(postgres15, ROWS);
    const { storage, manifest } = await stored(original);
    const name = manifest.blocks?.packs[0]?.name ?? "";
    await harm(storage, `production/packs/${name}.pack`);
    await expect(readBlockIndexes({ storage, manifest, signal: never })).rejects.toMatchObject({
      exit: "corrupt",
      message: expect.stringContaining(name),
    });
  });
});

test("a row of 20 MB comes back, and memory stays flat", { timeout: LONG }, async ({ postgres15 }) => {
  const original = await filled(
    postgres15,
    `CREATE TABLE scans (id int, scan text);
     ALTER TABLE scans ALTER COLUMN scan SET STORAGE EXTERNAL;
     INSERT INTO scans SELECT number, repeat(md5(number::text), 625000) FROM generate_series(1, 8) AS number`,
  );
  const { storage, manifest } = await stored(original, { pages: 1 });
  await using loader = await intoTable(postgres15, "CREATE TABLE scans (id int, scan text)");
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 20);
  await loadRows(storage, manifest, loader).finally(() => clearInterval(watch));
  const sum = "SELECT count(*)::text, md5(string_agg(md5(scan), ',' ORDER BY id)) FROM scans";
  expect(await loader.client.query(sum)).toEqual(await (await original.connect()).query(sum));
  expect(most).toBeLessThan(130_000_000);
});

test("an abort ends it within seconds, with its reason", { timeout: LONG }, async ({ postgres15 }) => {
  const original = await filled(
    postgres15,
    `CREATE TABLE notes (id int, note text);
     INSERT INTO notes SELECT number, repeat(md5(number::text), 5) FROM generate_series(1, 40000) AS number`,
  );
  const { storage, manifest } = await stored(original);
  const abort = new AbortController();
  const reason = new Error("told to end");
  await using loader = await intoTable(postgres15, "CREATE TABLE notes (id int, note text)", abort.signal);
  // Somebody keeps the server from taking any row.
  await using blocker = await loader.database.connect();
  await blocker.query("BEGIN; LOCK TABLE notes IN ACCESS EXCLUSIVE MODE");
  const loading = loadRows(storage, manifest, loader, { signal: abort.signal });
  await vi.waitFor(async () => {
    const rows = await blocker.query("SELECT FROM pg_locks WHERE NOT granted");
    expect(rows).toHaveLength(1);
  });
  const started = performance.now();
  abort.abort(reason);
  await expect(loading).rejects.toBe(reason);
  expect(performance.now() - started).toBeLessThan(5_000);
  await vi.waitFor(async () => {
    expect(await blocker.query("SELECT FROM pg_locks WHERE NOT granted")).toHaveLength(0);
  });
});

test("rows that the server refuses are named by table", { timeout: LONG }, async ({ postgres15 }) => {
  const original = await filled(
    postgres15,
    "CREATE TABLE notes (id int); INSERT INTO notes SELECT generate_series(1, 50000); CREATE TABLE others AS TABLE notes",
  );
  const { storage, manifest } = await stored(original);
  await using loader = await intoTable(
    postgres15,
    "CREATE TABLE notes (id int CHECK (id < 40000)); CREATE TABLE others (id int)",
  );
  await expect(loadRows(storage, manifest, loader)).rejects.toMatchObject({
    exit: "failed",
    message: expect.stringMatching(/public\.notes from page 0 .* violates check constraint/),
  });
});

const CORRUPT = new DataopsError("corrupt", "pack NAME and public.notes");

/** Whether an error is one of corruption that names the pack and the table. */
function told(error: unknown, pack: string): unknown {
  const message = String(error).replace(pack, "NAME");
  return {
    isCorrupt: isDataopsError(error, "corrupt"),
    namesPack: message.includes("NAME"),
    namesTable: message.includes("public.notes"),
  };
}

const never = new AbortController().signal;

interface Loader extends AsyncDisposable {
  database: TestDatabase;
  client: PostgresClient;
  connectAsLoader(): Promise<PostgresClient>;
}

/** A database with a table as a restore has made it before the rows come. */
async function intoTable(server: SharedPostgres, sql: string, signal?: AbortSignal): Promise<Loader> {
  const database = await filled(server, sql);
  const client = await database.connect();
  return {
    database,
    client,
    connectAsLoader: () => connect(database.settings, { applicationName: "test", signal }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

async function loadRows(
  storage: Storage,
  manifest: Manifest,
  scratch: Loader,
  { signal = never, loadSettings = {} }: { signal?: AbortSignal; loadSettings?: LoadSettings } = {},
): Promise<void> {
  const tables = await readBlockIndexes({ storage, manifest, signal });
  const packs = noPackCache;
  await loadBlockTables({ storage, manifest, tables, packs, scratch, jobs: 2, loadSettings, signal });
}

async function rowsOf(client: PostgresClient): Promise<unknown> {
  return await client.query("SELECT count(*), md5(string_agg(notes::text, ',' ORDER BY id)) FROM notes");
}
