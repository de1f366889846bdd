import type { ObjectInfo, Storage, StorageOptions } from "../storage/storage.ts";
import { backupsPrefix, parseBackupKey, type BackupObject } from "./keys.ts";

/** The objects of one backup that a listing found. Without a manifest it is no backup. */
export interface BackupObjects {
  database: string;
  id: string;
  objects: ReadonlyMap<BackupObject, ObjectInfo>;
}

/** What is in the backups' folders. */
export interface Inventory {
  /** In no promised order. */
  backups: BackupObjects[];
  /** Keys that dataops did not write. */
  foreign: string[];
}

/**
 * One whole listing of the backups' folders of `database`, or of all databases, sorted out by what the keys are.
 *
 * @throws StorageError where the storage cannot be listed whole: never a part of the truth
 */
export async function takeInventory(
  storage: Storage,
  database: string | undefined,
  options: StorageOptions = {},
): Promise<Inventory> {
  const backups = new Map<string, { database: string; id: string; objects: Map<BackupObject, ObjectInfo> }>();
  const foreign: string[] = [];
  for await (const info of storage.list(database === undefined ? "" : backupsPrefix(database), options)) {
    const parsed = parseBackupKey(info.key);
    if (parsed === undefined) {
      if (info.key.split("/")[1] === "backups") foreign.push(info.key);
      continue;
    }
    const place = `${parsed.database}/${parsed.id}`;
    const backup = backups.get(place) ?? { database: parsed.database, id: parsed.id, objects: new Map() };
    backup.objects.set(parsed.object, info);
    backups.set(place, backup);
  }
  return { backups: [...backups.values()], foreign };
}
