import type { JobKind } from "../repository/job.ts";
import type { RunState } from "../repository/run-record.ts";
import type { ExitName } from "../errors.ts";

/**
 * What is known of a database's backups and jobs. All of it comes from the storage, and nothing in it from the clock or the
 * time zone of the machine that reads it: instants are as they were written down (ISO 8601, UTC).
 */
export interface DatabaseFacts {
  database: string;
  /** Manifests in the storage, whether they were read or not. */
  total: number;
  /** The newest ones, newest first: all that was read. */
  backups: BackupFacts[];
  /** The last verification of any backup. */
  verification: VerificationFacts | undefined;
  /** By job, in the order of its kinds. */
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
  /** Bytes of rows and definitions, uncompressed: what a restore has to load. */
  size: number;
  /** Bytes that it added to the storage. */
  stored: number;
  verification: VerificationFacts | undefined;
}

export interface UnreadableBackup {
  id: string;
  /** To the second, from its id. */
  started: string;
  state: "unreadable";
  /** One line: what is wrong with its manifest. */
  error: string;
}

/** What became of the last verification of a backup. */
export interface VerificationFacts {
  backup: string;
  at: string;
  /** `not-run` where it could not be carried out: neither good nor bad is known. */
  state: "passed" | "failed" | "not-run";
  /** One line: what it found. */
  message: string | null;
}

export interface JobFacts {
  kind: JobKind;
  name: string;
  /** The newest ones, newest first. */
  runs: RunFacts[];
}

export interface RunFacts {
  id: string;
  /** `lost` also where nobody has written that down yet: it says `running`, and its lease has ended. */
  state: RunState;
  started: string;
  /** Null while it runs, and where it is lost. */
  ended: string | null;
  exit: ExitName | null;
  message: string | null;
}

/** The newest good backup, if there is one. */
export function newestGood({ backups }: Pick<DatabaseFacts, "backups">): ReadableBackup | undefined {
  return goodBackups({ backups })[0];
}

/** The good ones of those that were read, newest first. */
export function goodBackups({ backups }: Pick<DatabaseFacts, "backups">): ReadableBackup[] {
  return backups.filter((backup): backup is ReadableBackup => backup.state === "good");
}
