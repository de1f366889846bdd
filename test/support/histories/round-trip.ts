import { join } from "node:path";
import { runBackup } from "../../../src/backup/backup.ts";
import { prepareBackup } from "../../../src/backup/preflight.ts";
import type { Environment } from "../../../src/config/environment.ts";
import { silentReporter, type Reporter } from "../../../src/observe/reporter.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { runRestore } from "../../../src/restore/restore.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { loneRun } from "../lone-run.ts";
import { takePicture, type Picture } from "../compare-databases.ts";
import { settingsFor } from "../postgres-servers.ts";
import { runAsSuperuser, uniqueName, type TestDatabase } from "../postgres-test.ts";
import type { SharedPostgres } from "../shared-servers.ts";

/** Bytes: one or two pages, so that tables of some hundred rows are many blocks. */
const BLOCK_SIZE = 12 * 1024;
/** Bytes, so that a database of some hundred small tables is several packs. */
const PACK_SIZE = 64 * 1024;
const never = new AbortController().signal;

/** Backups are beside the cache that restores fetch them into. */
export function storageIn(folder: string): string {
  return join(folder, "storage");
}

/** The programs of the server's own version. */
export function environmentFor({ programs }: SharedPostgres): Environment {
  return { ...process.env, ...(programs === undefined ? {} : { DATAOPS_POSTGRES_BIN: programs }) };
}

export interface BackUpOptions {
  folder: string;
  format: "blocks" | "archive";
  /** When it is made, as it is told: milliseconds since the epoch. */
  now: number;
  /** Called when the snapshot stands. */
  onReading: () => void;
}

/** Backs up, with every table that can be as blocks where that is the format. @returns also what it warned of */
export async function backUp(
  { settings, server }: TestDatabase,
  { folder, format, now, onReading }: BackUpOptions,
): Promise<{ manifest: Manifest; warnings: string[] }> {
  const warnings: string[] = [];
  const progress: typeof silentReporter.progress = (...parameters) => {
    onReading();
    return silentReporter.progress(...parameters);
  };
  const storage = openFileStorage(storageIn(folder));
  const environment = environmentFor(server);
  const reporter: Reporter = { ...silentReporter, warn: (message) => void warnings.push(message), progress };
  const tools = await prepareBackup(settings, { environment, reporter, signal: never });
  const { manifest } = await runBackup(
    {
      storage,
      run: loneRun({ storage, database: "production", started: now, signal: never }),
      reporter,
      environment,
      now: () => now,
      version: "test",
    },
    {
      database: "production",
      environment: "production",
      connection: settings,
      tools,
      lockWaitTimeout: 20_000,
      stallTimeout: 60_000,
      compressionLevel: 1,
      format,
      blockThreshold: 0,
      blockSize: BLOCK_SIZE,
      packSize: PACK_SIZE,
    },
  );
  return { manifest, warnings };
}

/** Restores a backup into a new database, looks at it, and drops it. */
export async function restoredPicture(
  server: SharedPostgres,
  folder: string,
  manifest: Manifest,
): Promise<Picture> {
  const connection = settingsFor(server, { database: uniqueName("restored") });
  const environment = environmentFor(server);
  try {
    await runRestore(
      {
        storage: openFileStorage(storageIn(folder)),
        reporter: silentReporter,
        signal: never,
        environment,
        now: Date.now,
      },
      {
        manifest,
        target: { name: "local", connection, environment: "development" },
        settings: {
          after: [],
          thenJobs: [],
          jobs: 2,
          keepOld: false,
          waitForSessions: 0,
          skipExtensions: [],
          template: false,
        },
        cache: { directory: join(folder, "cache"), maxBytes: 2 ** 30 },
        folder,
        confirmation: { confirmed: false },
        force: false,
        asSuperuser: false,
        fast: false,
        allowVulnerableClient: true,
      },
    );
    return await takePicture(connection, environment);
  } finally {
    await runAsSuperuser(server, `DROP DATABASE IF EXISTS ${connection.database} WITH (FORCE)`);
  }
}
