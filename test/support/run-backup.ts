import { runBackup, type BackupRequest } from "../../src/backup/backup.ts";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import type { Environment } from "../../src/config/environment.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { openFileStorage } from "../../src/storage/file.ts";

/** Backs a database up into a folder, quietly; with every eligible table as blocks unless `format` says otherwise. */
export async function backUpInto(
  folder: string,
  connection: ConnectionSettings,
  changes: Partial<BackupRequest> & {
    /** Where the PostgreSQL programs are looked for. */
    programs?: Environment;
  } = {},
): Promise<Manifest> {
  const { programs = process.env, ...request } = changes;
  const { manifest } = await runBackup(
    {
      openStorage: () => Promise.resolve(openFileStorage(folder)),
      reporter: {
        progress: () => ({ add: () => undefined, end: () => undefined }),
        info: () => undefined,
        warn: () => undefined,
      },
      signal: new AbortController().signal,
      environment: programs,
      now: Date.now,
      version: "test",
    },
    {
      database: "shop",
      environment: "production",
      connection,
      lockWaitTimeout: 5_000,
      stallTimeout: 20_000,
      compressionLevel: 1,
      format: "blocks",
      blockThreshold: 0,
      ...request,
    },
  );
  return manifest;
}

/** The keys of all objects and unfinished uploads in a folder, but for the marker. */
export async function keysIn(folder: string): Promise<string[]> {
  const keys: string[] = [];
  const storage = openFileStorage(folder);
  for await (const { key } of storage.list("")) keys.push(key);
  for await (const { key } of storage.listUploads("")) keys.push(`unfinished ${key}`);
  return keys.filter((key) => key !== "dataops.json");
}
