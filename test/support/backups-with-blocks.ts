import { runBackup, type BackupRequest } from "../../src/backup/backup.ts";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import type { Storage } from "../../src/storage/storage.ts";

export interface BlockBackupOptions extends Partial<BackupRequest> {
  storage?: Storage;
  signal?: AbortSignal;
  /** When the backup starts, in milliseconds since the epoch. */
  now?: number;
  /** Warnings are added to it. */
  warnings?: string[];
}

/** Backs up into a folder, with every eligible table as blocks. */
export async function backUpWithBlocks(
  folder: string,
  connection: ConnectionSettings,
  { storage, signal, now, warnings, ...request }: BlockBackupOptions = {},
): Promise<Manifest> {
  const { manifest } = await runBackup(
    {
      openStorage: () => Promise.resolve(storage ?? openFileStorage(folder)),
      reporter: {
        progress: () => ({ add: () => undefined, end: () => undefined }),
        info: () => undefined,
        warn: (message: string) => void warnings?.push(message),
      },
      signal: signal ?? new AbortController().signal,
      environment: process.env,
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
