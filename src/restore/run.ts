import type { CacheConfig, ReachableDatabase, RestoreConfig } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Manifest } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import type { Confirmation } from "../replace/guard/destructive.ts";

/** What one restore is given. */

export interface RestoreDependencies {
  storage: Storage;
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface RestoreRequest {
  /** Which backup. */
  manifest: Manifest;
  target: ReachableDatabase;
  settings: RestoreConfig;
  cache: CacheConfig;
  /** What relative paths of `after` steps are relative to. */
  folder: string;
  confirmation: Confirmation;
  /** Ends sessions on the target before the swap. */
  force: boolean;
  /** Loads as a superuser where the connecting role is one. */
  asSuperuser: boolean;
  /** Whether tables are unlogged while they are filled. For a server of this machine only. */
  fast: boolean;
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
}

export interface Run extends RestoreDependencies, RestoreRequest {
  /** Begins with a UTC stamp, as a backup's id does. */
  runId: string;
  applicationName: string;
}

/** What building a backup needs of a run. */
export type BuildRun = RestoreDependencies &
  Pick<
    Run,
    | "manifest"
    | "settings"
    | "cache"
    | "runId"
    | "applicationName"
    | "asSuperuser"
    | "fast"
    | "allowVulnerableClient"
  >;
