import { runBackup, type BackupRequest } from "../../src/backup/backup.ts";
import { prepareBackup } from "../../src/backup/preflight.ts";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import type { Environment } from "../../src/config/environment.ts";
import { silentReporter } from "../../src/observe/reporter.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { loneRun } from "./lone-run.ts";

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
  /** Runs that may still live. */
  alive?: readonly string[];
}

/** Backs a database up into a folder, quietly; with every eligible table as blocks unless `format` says otherwise. */
export async function backUpInto(
  folder: string,
  connection: ConnectionSettings,
  {
    programs = process.env,
    signal = new AbortController().signal,
    now,
    warnings,
    alive,
    wrap = (storage) => storage,
    ...request
  }: BackupOptions = {},
): Promise<Manifest> {
  const storage = wrap(openFileStorage(folder));
  const reporter = { ...silentReporter, warn: (message: string) => void warnings?.push(message) };
  const tools = await prepareBackup(connection, { environment: programs, reporter, signal });
  const { manifest } = await runBackup(
    {
      storage,
      run: loneRun({ storage, database: "shop", started: now ?? Date.now(), signal, alive }),
      reporter,
      environment: programs,
      now: () => now ?? Date.now(),
      version: "test",
    },
    {
      database: "shop",
      environment: "production",
      connection,
      tools,
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
