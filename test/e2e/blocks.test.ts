import { expect, onTestFinished, vi } from "vitest";
import { openFileStorage } from "../../src/storage/file.ts";
import { storeBlockBackup } from "../support/block-backups.ts";
import { compareDatabases } from "../support/compare-databases.ts";
import { test } from "../support/e2e-test.ts";
import { everyKindOfTable } from "../support/every-kind-of-table.ts";
import { settingsFor, urlFor } from "../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../support/postgres-test.ts";
import { leftBehind } from "../support/scratch.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test(
  "the program restores a backup with blocks, and refuses one that lacks a pack",
  { timeout: 180_000 },
  async ({ database, dataops }) => {
    const { server } = database;
    {
      await using client = await database.connect();
      await client.query(everyKindOfTable({ size: 2_000_000 }));
    }
    const folder = await temporaryFolder("blocks");
    const storage = openFileStorage(folder);
    const manifest = await storeBlockBackup(storage, database);
    const restored = uniqueName("restored");
    onTestFinished(() => runAsSuperuser(server, `DROP DATABASE IF EXISTS ${restored} WITH (FORCE)`));
    const environment = {
      DATABASE_URL: urlFor(server, database.name),
      LOCAL_DATABASE_URL: urlFor(server, restored),
      DATAOPS_STORAGE: `file://${folder}`,
      DATAOPS_POSTGRES_BIN: server.programs ?? "",
    };
    const done = await dataops.run(["restore", manifest.id, "--to", "local", "--json"], { environment });
    expect(done.code, done.stderr).toBe(0);
    vi.stubEnv("DATAOPS_POSTGRES_BIN", server.programs);
    onTestFinished(() => void vi.unstubAllEnvs());
    const actual = settingsFor(server, { database: restored });
    expect(await compareDatabases(database.settings, actual)).toEqual([]);

    const pack = manifest.blocks?.packs.at(-1)?.name ?? "";
    await storage.delete(`production/packs/${pack}.pack`);
    const another = { ...environment, LOCAL_DATABASE_URL: urlFor(server, `${restored}_2`) };
    const refused = await dataops.run(["restore", manifest.id, "--to", "local"], { environment: another });
    expect(refused.code, refused.stderr).toBe(14);
    expect(refused.stderr).toContain(pack);
    expect(await leftBehind(server, `${restored}_2`)).toEqual([]);
  },
);
