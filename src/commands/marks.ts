import { isGood, isKept, type StoredBackup } from "../repository/stored-backup.ts";

/** What sets a backup apart from others, in a word each: `suspect`, `accepted`, `kept`. */
export function marksOf(backup: StoredBackup): string[] {
  return [
    ...(isGood(backup) ? [] : ["suspect"]),
    ...(backup.manifest.suspect !== undefined && isGood(backup) ? ["accepted"] : []),
    ...(isKept(backup) ? ["kept"] : []),
  ];
}
