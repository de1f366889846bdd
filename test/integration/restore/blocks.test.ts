import { describe, expect, onTestFinished, vi } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { storeBlockBackup, type BlockBackupOptions } from "../../support/block-backups.ts";
import { loadBlockBackup } from "../../support/block-restores.ts";
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
