import { startStamp } from "../repository/backup-id.ts";
import { takeInventory } from "../repository/inventory.ts";
import { contentSize, storedSize } from "../repository/manifest.ts";
import { readBackups } from "../repository/read-backups.ts";
import { startOfRun } from "../repository/run-record.ts";
import { isGood, type StoredBackup } from "../repository/stored-backup.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { goodBackups, type BackupFacts } from "./facts.ts";

/** Manifests that are always read: those that a chart shows, and a median of sizes is taken of. */
const NEWEST_READ = 40;

/** The newest backups of a database. */
export interface NewestBackups {
  /** In the storage, whether they were read or not. */
  total: number;
  /** Newest first. */
  backups: BackupFacts[];
  /** The ids of those that were verified; where there is none among them, of the newest older one that was. */
  verified: string[];
}

/**
 * The newest backups of `database`. However many there are: one listing, and `NEWEST_READ` manifests are read, or as many as it
 * takes to find `minimum` good ones.
 *
 * @throws StorageError where the storage cannot be listed whole, or a manifest cannot be fetched
 */
export async function readNewestBackups(
  storage: Storage,
  database: string,
  minimum: number,
  options: StorageOptions = {},
): Promise<NewestBackups> {
  const inventory = await takeInventory(storage, database, options);
  const found = inventory.backups.filter(({ objects }) => objects.has("manifest"));
  found.sort((left, right) => (left.id < right.id ? 1 : -1));
  const backups: BackupFacts[] = [];
  let total = found.length;
  for (let next = 0; next < found.length; next += NEWEST_READ) {
    const batch = found.slice(next, next + NEWEST_READ);
    const read = await readBackups(storage, batch, factsOf, options);
    // A tombstone stands where a manifest would, and is no backup.
    total -= read.abandoned.length;
    backups.push(...read.backups);
    for (const { id, key, error } of read.unreadable) {
      const started = new Date(startOfRun(id)).toISOString();
      backups.push({ id, started, state: "unreadable", error: error.message.replace(`${key} `, "") });
    }
    const good = goodBackups({ backups }).length;
    if (good >= Math.max(minimum, 1)) break;
  }
  const ids = new Set(backups.map(({ id }) => id));
  const everVerified = found.filter(({ objects }) => objects.has("verification")).map(({ id }) => id);
  const among = everVerified.filter((id) => ids.has(id));
  return {
    total,
    backups: backups.sort(newestFirst),
    verified: among.length > 0 ? among : everVerified.slice(0, 1),
  };
}

function factsOf(backup: StoredBackup): BackupFacts {
  const { manifest } = backup;
  return {
    id: manifest.id,
    started: manifest.started,
    state: isGood(backup) ? "good" : "suspect",
    reasons: manifest.suspect ?? [],
    duration: Date.parse(manifest.finished) - Date.parse(manifest.started),
    size: contentSize(manifest),
    stored: storedSize(manifest),
  };
}

/** By the second of their ids, which all have; within it by when they started, then by id. */
function newestFirst(left: BackupFacts, right: BackupFacts): number {
  const [leftKey, rightKey] = [left, right].map(({ id, started }) => `${startStamp(id)} ${started} ${id}`);
  return (leftKey ?? "") < (rightKey ?? "") ? 1 : -1;
}
