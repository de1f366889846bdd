import type { ExitName } from "../errors.ts";
import type { JobKind } from "../repository/job.ts";
import type { RunState } from "../repository/run-record.ts";

/**
 * What is known of a database's backups and jobs. All of it comes from the storage, and nothing in it from the clock or the
 * time zone of the machine that reads it: instants are as they were written down (ISO 8601, UTC).
 */
export interface DatabaseFacts {
  database: string;
  /** Backups in the storage, whether they were read or not. */
  total: number;
  /** The newest ones, newest first: all that was read. */
  backups: BackupFacts[];
  /** What the last verifications of these backups came to, the one that ended last first. */
  verifications: VerificationFacts[];
  /** Keys of results of verifications that cannot be read. */
  unreadableVerifications: string[];
  /** By job, in the order of their kinds. */
  jobs: JobFacts[];
}

export type BackupFacts = ReadableBackup | UnreadableBackup;

export interface ReadableBackup {
  id: string;
  started: string;
  /** `suspect` until somebody accepts it. */
  state: "good" | "suspect";
  /** Why it was suspect when it was made, also where it was accepted since. */
  reasons: readonly string[];
  /** Milliseconds. */
  duration: number;
  /** Bytes of what it holds, as text. */
  size: number;
  /** Bytes that it added to the storage. */
  stored: number;
}

export interface UnreadableBackup {
  id: string;
  /** To the second, from its id. */
  started: string;
  state: "unreadable";
  /** What is wrong with its manifest, as `is corrupt: …`. */
  error: string;
}

/** What became of the last verification of one kind of a backup. */
export interface VerificationFacts {
  /** The backup's id. */
  backup: string;
  /** `read`: every byte in the storage. `restore`: into a database, compared with the backup. */
  kind: "read" | "restore";
  /** `not-run` where it could not be carried out: neither good nor bad is known. */
  state: "passed" | "failed" | "not-run";
  ended: string;
  /** One line: what it found, or why it could not be carried out. */
  message: string | null;
  /** Milliseconds that a restore took; null for `read`, and where it did not come that far. */
  restoreTime: number | null;
}

export interface JobFacts {
  kind: JobKind;
  name: string;
  /** The newest ones, newest first. */
  runs: RunFacts[];
  /** Keys of records that cannot be read. */
  unreadable: string[];
}

export interface RunFacts {
  id: string;
  state: RunState;
  started: string;
  /** Null while it runs, and where it is lost. */
  ended: string | null;
  exit: ExitName | null;
  message: string | null;
  /**
   * Of one that says it is running: until when it holds the job, as far as it has said so. Null where it does not hold the
   * job: it is dead, and nobody has written that down yet. Undefined where that is not known, and for all others.
   */
  heldUntil: string | null | undefined;
}

/** The newest good backup, if there is one. */
export function newestGood({ backups }: Pick<DatabaseFacts, "backups">): ReadableBackup | undefined {
  return goodBackups({ backups })[0];
}

/** The good ones of those that were read, newest first. */
export function goodBackups({ backups }: Pick<DatabaseFacts, "backups">): ReadableBackup[] {
  return backups.filter((backup): backup is ReadableBackup => backup.state === "good");
}
