import type { AfterStep } from "./schema.ts";
import type { ScheduleSettings } from "./schedule.ts";
import type { Expectation, SeedSchemaSource, SeedSource } from "./seed-schema.ts";
import type { ThenJob } from "./then.ts";
import type { ConnectionSettings } from "./connection.ts";
import type { LateValue } from "./late-value.ts";
import type { MailServer } from "./mail-server.ts";
import type { ChannelKind, NoticeEvent, NotifiedJob } from "./notify-schema.ts";
import type { CheckedIndex } from "./index-schema.ts";
import type { Secret } from "./secret.ts";

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
  verify: Readonly<Record<string, VerifyConfig>>;
  prune: Readonly<Record<string, PruneConfig>>;
  seed: Readonly<Record<string, SeedConfig>>;
  /** Search indexes, by the alias that they have. */
  indexes: Readonly<Record<string, IndexConfig>>;
  search: Readonly<Record<string, SearchConfig>>;
  cache: CacheConfig;
  /** Who is told of what went wrong. */
  notify: readonly ChannelConfig[];
  /** What the daemon serves, and to whom. */
  http: HttpConfig;
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
  /** How to reach it. A laptop that only restores has no URL of production. */
  readonly connection: LateValue<ConnectionSettings>;
  /** `production`, `staging`, `development`, or a team's own word. */
  environment: string;
}

/** A database whose settings are known: what is given to whoever connects. */
export interface ReachableDatabase extends Pick<DatabaseConfig, "name" | "environment"> {
  connection: ConnectionSettings;
}

export interface BackupConfig extends ScheduleSettings {
  format: "archive" | "blocks";
  /** Milliseconds that a session of the backup may wait for a lock. */
  lockWaitTimeout: number;
  /** Milliseconds without a byte after which the run ends. */
  stallTimeout: number;
  /** Connections that read blocks at the same time; undefined: one for each core. */
  jobs: number | undefined;
  /** zstd's. */
  compressionLevel: number;
  /** Milliseconds that the newest good backup may be old; undefined: as the schedule says. */
  maxAge: number | undefined;
  /** The least number of good backups. */
  minimum: number;
  /** How far the size may be from the median: 0.5 is half of it. */
  maxSizeChange: number;
  /** Milliseconds since a backup last passed a verification; undefined: nobody asks. */
  maxVerificationAge: number | undefined;
  /** Tables that come and go, as `schema.table` or `table`: they make no backup suspect. */
  volatileTables: readonly string[];
  /** Which backups prune keeps; undefined: all. */
  keep: KeepRules | undefined;
}

/** Rules of retention. A backup is kept by any one of them; `undefined` keeps none. */
export interface KeepRules {
  /** So many of the newest. */
  last?: number | undefined;
  /** Milliseconds before the newest. */
  within?: number | undefined;
  /** The newest of each of so many hours, days, … of UTC that have one. */
  hourly?: number | undefined;
  daily?: number | undefined;
  weekly?: number | undefined;
  monthly?: number | undefined;
  yearly?: number | undefined;
}

export interface RestoreConfig {
  /** What runs in the scratch database before the swap, in order. */
  after: readonly AfterStep[];
  /** What is run once the database has been replaced, in this order. */
  thenJobs: readonly ThenJob[];
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

export interface VerifyConfig extends ScheduleSettings {
  /** The name of the database on whose server backups are restored; undefined: they are only read. */
  server: string | undefined;
  /** Whether that may be the server that they are made of, or one with a production database. */
  allowSourceServer: boolean;
}

/** When backups of a database are deleted that its rules of retention do not keep. */
export type PruneConfig = ScheduleSettings;

/** How a database is reset to its seeds. */
export interface SeedConfig extends ScheduleSettings {
  /** Where tables come from; undefined: those that are there are kept, and emptied. */
  schema: SeedSchemaSource | undefined;
  seeds: readonly SeedSource[];
  /** Rows that tables must have, by their names. */
  expect: Readonly<Record<string, Expectation>>;
  /** What is run once the database has been replaced, in this order. */
  thenJobs: readonly ThenJob[];
  strategy: "scratch" | "schema";
  /** The stamp that the database must have; undefined: its own environment. */
  environment: string | undefined;
  /** Created before the schema, by the connecting role. */
  extensions: readonly string[];
  /** What is not emptied where the schema is kept. */
  keepTables: readonly string[];
  /** Whether the replaced database stays as `<name>__old`, for `undo`. */
  keepOld: boolean;
  /** Whether a copy of what was made stays as `<name>__template`; undefined: where all that decides it is known. */
  template: boolean | undefined;
  /** Whether sessions on the database are ended before the swap. */
  endSessions: boolean;
  /** Milliseconds to wait for sessions on the database to leave. */
  waitForSessions: number;
}

/** A search index. */
export type IndexConfig = Omit<CheckedIndex, "driver"> & {
  /** Who builds it: dataops, a program of the team's, or their application, which is asked to. Milliseconds for the time it may take. */
  driver:
    | "builtin"
    | { command: readonly string[]; timeout: number }
    | { webhook: LateValue<Secret>; timeout: number };
};

export interface SearchConfig {
  name: string;
  /** How to reach it. */
  readonly connection: LateValue<SearchConnection>;
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

export interface HttpConfig {
  /** An IP address, or `localhost`. */
  host: string;
  /**
   * 0: any that is free. `PORT` is looked at when first asked for.
   *
   * @throws DataopsError `usage` where it is no port
   */
  readonly port: number;
  /** What is asked of whoever comes; undefined: nothing. */
  readonly credentials: LateValue<HttpCredentials> | undefined;
}

/** What a request has to show; either will do where both are set. */
export interface HttpCredentials {
  /** `Authorization: Bearer …` */
  token: Secret | undefined;
  /** `Authorization: Basic …`, for browsers. */
  basic: { user: string; password: Secret } | undefined;
}

/** One way to tell of what went wrong. */
export interface ChannelConfig {
  kind: ChannelKind;
  /** Where it is configured, for messages: `notify[0]`. */
  place: string;
  /** What it is told. Means nothing for a ping, as `repeatEvery`. */
  on: readonly NoticeEvent[];
  /** Of which jobs; undefined: of all. */
  jobs: readonly NotifiedJob[] | undefined;
  /** Of which databases; undefined: of all. */
  databases: readonly string[] | undefined;
  /** Milliseconds that a state has to last until it is told again. */
  repeatEvery: number;
  /** Where it leads. */
  readonly settings: LateValue<ChannelSettings>;
}

export type ChannelSettings = SlackSettings | WebhookSettings | EmailSettings | SentrySettings | PingSettings;

export interface SlackSettings {
  kind: "slack";
  url: Secret;
}

export interface WebhookSettings {
  kind: "webhook";
  url: Secret;
  headers: Readonly<Record<string, Secret>>;
}

export interface EmailSettings {
  kind: "email";
  server: MailServer;
  from: string;
  to: readonly string[];
}

export interface SentrySettings {
  kind: "sentry";
  dsn: Secret;
}

export interface PingSettings {
  kind: "ping";
  url: Secret;
}
