import type { ReachableDatabase, SeedConfig } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { PostgresClient } from "../postgres/client.ts";
import type { DatabaseIdentity } from "../replace/guard/guard.ts";
import type { TargetIdentity } from "../replace/guard/identity.ts";
import type { SourceLocale } from "../replace/scratch/locale.ts";
import type { Scratch } from "../replace/scratch/scratch.ts";
import type { ThenJob } from "../config/then.ts";

/** What one reset is given. */

export interface SeedDependencies {
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Finds the backup whose schema a reset begins with: the latest good one of that database. */
  findSchema(database: string): Promise<BackupSchema>;
  /**
   * Runs what is to follow, when the database has been replaced.
   *
   * @returns what failed, each as one line: the reset stands all the same
   */
  runThen(jobs: readonly ThenJob[], done: ReplacedDatabase): Promise<string[]>;
}

/** A backup's schema, without rows. */
export interface BackupSchema {
  /** The backup's id. */
  id: string;
  source: DatabaseIdentity & SourceLocale;
  /**
   * Checks that it can be loaded there, and says what decides what comes of it.
   *
   * @throws DataopsError `tool`, `refused` (an extension is missing)
   */
  prepare(maintenance: PostgresClient, who: SchemaOwner): Promise<PreparedSchema>;
}

export interface SchemaOwner {
  role: string;
  owner: string;
  isSuperuser: boolean;
  serverVersion: number;
  asSuperuser: boolean;
  applicationName: string;
}

export interface PreparedSchema {
  digest: string;
  /** @returns what was left out and why, each as one line */
  load(scratch: Scratch): Promise<string[]>;
}

/** What jobs that follow are told. */
export interface ReplacedDatabase {
  /** In the configuration. */
  target: string;
  /** On its server. */
  database: string;
  runId: string;
}

export interface SeedRequest {
  target: ReachableDatabase;
  settings: SeedConfig;
  /** What relative paths and patterns are relative to, and where commands run. */
  folder: string;
  /** Ends sessions on the target before the swap. */
  force: boolean;
  /** Works as a superuser where the connecting role is one. */
  asSuperuser: boolean;
}

export interface Run extends SeedDependencies, SeedRequest {
  /** Begins with a UTC stamp, as a backup's id does. */
  runId: string;
  applicationName: string;
}

/** What resetting a database came to. */
export interface ResetResult {
  /** The database that was reset, as it was found. */
  identity: TargetIdentity;
  /** The name under which the replaced one is kept; undefined where there is none. */
  old: string | undefined;
  /** What of a backup's schema this server did not take and why, each as one line. */
  leftOut: string[];
  /** Whether it is a copy of what an earlier reset had made of the same. */
  fromTemplate: boolean;
}
