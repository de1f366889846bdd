import type { AfterStep } from "./schema.ts";
import type { ConnectionSettings } from "./connection.ts";
import type { IndexConfig } from "./index-schema.ts";
import type { Secret } from "./secret.ts";

export type { IndexConfig } from "./index-schema.ts";
export type { AfterStep } from "./schema.ts";

/** What a configuration comes to: every value checked, every default filled in. */
export interface Config {
  /** The file it was read from, absolute; undefined where the environment alone made it. */
  file: string | undefined;
  /** What relative paths in it are relative to: the file's folder, else the working directory. */
  folder: string;
  storage: StorageConfig | undefined;
  databases: Readonly<Record<string, DatabaseConfig>>;
  backup: Readonly<Record<string, BackupConfig>>;
  restore: Readonly<Record<string, RestoreConfig>>;
  /** Search indexes, by the alias that they have. */
  indexes: Readonly<Record<string, IndexConfig>>;
  search: Readonly<Record<string, SearchConfig>>;
  cache: CacheConfig;
  /** Every value that was given, by its path (`databases.production.environment`), and where it came from. */
  origins: readonly ValueOrigin[];
}

/** Where one value of the configuration came from. */
export interface ValueOrigin {
  /** `storage.url` */
  path: string;
  /** As it may be shown: never a secret. */
  shown: string;
  /** `dataops.config.yaml:3:10, from ${DATABASE_URL}`, or `environment variable DATAOPS_STORAGE` */
  origin: string;
}

export interface StorageConfig {
  /** `s3://bucket/prefix` or `file:///dir`. */
  url: string;
  endpoint: string | undefined;
  region: string | undefined;
  forcePathStyle: boolean | undefined;
  /** Bytes. */
  partSize: number | undefined;
  maxParts: number | undefined;
  checksums: "when-supported" | "when-required" | undefined;
  kmsKeyId: string | undefined;
}

export interface DatabaseConfig {
  name: string;
  /**
   * How to reach it. Worked out when first asked for: a laptop that only restores has no URL of production.
   *
   * @throws DataopsError `usage` where a variable that its URL needs is not set, or the URL is none
   */
  readonly connection: ConnectionSettings;
  /** `production`, `staging`, `development`, or a team's own word. */
  environment: string;
}

export interface BackupConfig {
  format: "archive" | "blocks";
  /** Milliseconds that a session of the backup may wait for a lock. */
  lockWaitTimeout: number;
  /** Milliseconds without a byte after which the run ends. */
  stallTimeout: number;
  /** Connections that read blocks at the same time; undefined: one for each core. */
  jobs: number | undefined;
  /** zstd's. */
  compressionLevel: number;
}

export interface RestoreConfig {
  /** What runs in the scratch database before the swap, in order. */
  after: readonly AfterStep[];
  /** Parallel workers of pg_restore; undefined: one for each core. */
  jobs: number | undefined;
  /** Whether the replaced database stays as `<name>__old`, for `undo`. */
  keepOld: boolean;
  /** Whether a copy of the last restored backup stays as `<name>__template`; undefined: on this machine's own server. */
  template: boolean | undefined;
  /** Milliseconds to wait for sessions on the target to leave before the swap. */
  waitForSessions: number;
  /** Extensions that a restore here does without, even where something uses them. */
  skipExtensions: readonly string[];
}

export interface SearchConfig {
  name: string;
  /**
   * How to reach it. Worked out when first asked for, as a database's is.
   *
   * @throws DataopsError `usage` where a variable that it needs is not set, or its values do not fit together
   */
  readonly connection: SearchConnection;
}

export interface SearchConnection {
  /** `https://host:9200`, with a path where there is one, never with credentials. */
  url: string;
  authentication:
    | { kind: "none" }
    | { kind: "basic"; username: string; password: Secret }
    | { kind: "sigv4"; region: string; service: "es" | "aoss" };
  /** Absolute; undefined: what the system trusts. */
  certificateFile: string | undefined;
}

export interface CacheConfig {
  directory: string;
  /** Bytes. */
  maxBytes: number;
}
