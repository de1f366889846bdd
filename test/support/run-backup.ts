import { runBackup, type BackupRequest } from "../../src/backup/backup.ts";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import type { Environment } from "../../src/config/environment.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import type { Storage } from "../../src/storage/storage.ts";

export interface BackupOptions extends Partial<BackupRequest> {
  /** Where the PostgreSQL programs are looked for. */
  programs?: Environment;
  signal?: AbortSignal;
  /** When the backup starts, in milliseconds since the epoch. */
  now?: number;
  /** Warnings are added to it. */
  warnings?: string[];
  /** Put before the storage. */
  wrap?: (storage: Storage) => Storage;
}

/** Backs a database up into a folder, quietly; with every eligible table as blocks unless `format` says otherwise. */
export async function backUpInto(
  folder: string,
  connection: ConnectionSettings,
  {
    programs = process.env,
    signal,
    now,
    warnings,
    wrap = (storage) => storage,
    ...request
  }: BackupOptions = {},
): Promise<Manifest> {
  const { manifest } = await runBackup(
    {
      openStorage: () => Promise.resolve(wrap(openFileStorage(folder))),
      reporter: {
        progress: () => ({ add: () => undefined, end: () => undefined }),
        info: () => undefined,
        warn: (message: string) => void warnings?.push(message),
      },
      signal: signal ?? new AbortController().signal,
      environment: programs,
      now: () => now ?? Date.now(),
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

/** Start times a minute apart, so that the newest backup is the one made last. */
export function minutes(): () => number {
  let now = Date.parse("2026-11-21T04:00:00Z");
  return () => (now += 60_000);
}

/** The keys of all objects and unfinished uploads in a folder, but for the marker. */
export async function keysIn(folder: string): Promise<string[]> {
  const keys: string[] = [];
  const storage = openFileStorage(folder);
  for await (const { key } of storage.list("")) keys.push(key);
  for await (const { key } of storage.listUploads("")) keys.push(`unfinished ${key}`);
  return keys.filter((key) => key !== "dataops.json");
}
