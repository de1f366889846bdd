import { makeBackupId } from "../../src/repository/backup-id.ts";
import { manifestKey } from "../../src/repository/keys.ts";
import type { JobRun } from "../../src/schedule/run.ts";
import { isStorageError } from "../../src/storage/storage-error.ts";
import type { Storage } from "../../src/storage/storage.ts";

export interface LoneRunOptions {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** Milliseconds since the epoch. */
  started: number;
  signal: AbortSignal;
  /** Runs that may still live. */
  alive?: readonly string[] | undefined;
}

/** A run without a lease or records, beside which there is no other: whatever has no manifest is of runs that are dead. */
export function loneRun({ storage, database, started, signal, alive = [] }: LoneRunOptions): JobRun {
  return {
    job: { kind: "backup", name: database, database },
    id: makeBackupId(started),
    started,
    conditional: true,
    signal,
    confirm: () => Promise.resolve(),
    fail: () => Promise.resolve(true),
    stateOf: () => Promise.resolve(undefined),
    isAbandoned: async (id) => {
      if (alive.includes(id)) return false;
      try {
        await storage.head(manifestKey(database, id));
        return false;
      } catch (error) {
        return isStorageError(error, "not-found");
      }
    },
  };
}
