import type { ConnectionSettings } from "../config/connection.ts";
import type { Environment } from "../config/environment.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Job } from "../repository/job.ts";
import type { BulkSender, BulkSenderOptions } from "../search/bulk-sender.ts";
import type { IndexDefinition } from "../search/index-definition.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import type { Storage } from "../storage/storage.ts";
import type { FollowSetting } from "./catch-up.ts";
import type { SqlSetting } from "./describe-sql.ts";

/** What a reindex needs to know of the run that it is. */
export interface ReindexRun {
  readonly job: Job;
  /** Its start and a random tail; the new index is named after it. */
  readonly id: string;
  /** Fires when all shall end. */
  readonly signal: AbortSignal;
  /**
   * Asks whether the job is still this run's: before the alias changes.
   *
   * @throws DataopsError `fenced` where it is not
   */
  confirm(): Promise<void>;
}

export interface ReindexDependencies {
  run: ReindexRun;
  engine: SearchEngine;
  openBulkSender: (engine: SearchEngine, index: string, options: BulkSenderOptions) => BulkSender;
  /** Where checkpoints are. */
  storage: Storage;
  reporter: Reporter;
  environment: Environment;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** From 0 up to, not including, 1. */
  random: () => number;
}

export interface ReindexRequest {
  /** The name that searches use. */
  alias: string;
  connection: ConnectionSettings;
  sql: SqlSetting;
  follow: readonly FollowSetting[];
  definition: IndexDefinition;
  /** Indexes that stay beside the new one, for a rollback. */
  keep: number;
  /** Documents that the engine may refuse. */
  maxErrors: number;
  /** Undefined: as many as the engine takes. */
  maxDocsPerSecond: number | undefined;
  /** Bulk requests at the same time. */
  jobs: number;
  /** Whether a concrete index of the alias's name may be replaced. */
  adopt: boolean;
  /** Milliseconds that a statement may wait for a lock in the database. */
  lockTimeout: number;
  /** Milliseconds between two checkpoints. */
  checkpointInterval: number;
}

export interface ReindexOutcome {
  /** The physical index that the alias stands for now. */
  index: string;
  documents: number;
  /** Documents whose content was held against the database's. */
  sampled: number;
  /** Documents that the engine did not take, as far as they are named. */
  refused: { id: string; reason: string }[];
  refusedCount: number;
  /** Scans, the first and the last ones included. */
  passes: number;
  /** Milliseconds that the index was behind the database at the end of the last pass before the swap. */
  lag: number;
  method: "rows" | "documents";
  /** Whether it went on with what an earlier run had begun. */
  resumed: boolean;
  /** Where the alias was before. */
  previous: string[];
  /** Indexes that were deleted since they were older than those to keep. */
  removed: string[];
  /** Milliseconds. */
  duration: number;
}
