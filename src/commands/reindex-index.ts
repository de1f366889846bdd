import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config, IndexConfig } from "../config/config.ts";
import { requireDatabase, requireIndex, requireSearch, requireStorage } from "../config/select.ts";
import { DataopsError, messageOf } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { reindexByCommand } from "../reindex/drivers/command.ts";
import { reindexByWebhook } from "../reindex/drivers/webhook.ts";
import { reindex } from "../reindex/reindex.ts";
import type { ReindexOutcome, ReindexRequest, ReindexRun } from "../reindex/request.ts";
import type { Job } from "../repository/job.ts";
import { openBulkSender } from "../search/bulk-sender.ts";
import { readIndexDefinition } from "../search/index-definition.ts";
import { openSearchEngine } from "../search/open.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import type { CommandContext } from "./command.ts";

/** Milliseconds between two checkpoints: what a killed run does once more at most. */
const CHECKPOINT_INTERVAL = 5_000;

/** Bytes; a query of that length is a mistake. */
const MAX_SQL_BYTES = 1024 * 1024;

/** What the command line says over the configuration. */
export interface ReindexOverrides {
  adopt: boolean;
  docsPerSecond: number | undefined;
}

/** What became of one index; `outcome` is null where the team's own application built it. */
export interface ReindexedIndex {
  name: string;
  outcome: ReindexOutcome | null;
}

/** The job that builds an index. */
export function reindexJob(name: string, { database }: IndexConfig): Job {
  return { kind: "reindex", name, database };
}

/**
 * Builds one index of the configuration anew.
 *
 * @throws DataopsError as `reindex` and the drivers do; `usage` for files that cannot be read
 */
export async function reindexIndex(
  name: string,
  overrides: ReindexOverrides,
  context: CommandContext,
  run: ReindexRun,
): Promise<ReindexedIndex> {
  const config = await context.config();
  const index = requireIndex(config, name);
  const { connection } = requireDatabase(config, index.database);
  const { reporter, environment } = context;
  const { driver } = index;
  if (driver === "builtin")
    return { name, outcome: await reindexBuiltin({ name, index, config, overrides }, context, run) };
  if ("command" in driver) {
    const { folder } = config;
    await reindexByCommand({ ...driver, run, alias: name, folder, connection, environment, reporter });
  } else {
    await reindexByWebhook({ run, alias: name, url: driver.webhook, timeout: driver.timeout });
  }
  return { name, outcome: null };
}

interface BuiltinIndex {
  name: string;
  index: IndexConfig;
  config: Config;
  overrides: ReindexOverrides;
}

async function reindexBuiltin(
  { name, index, config, overrides }: BuiltinIndex,
  context: CommandContext,
  run: ReindexRun,
): Promise<ReindexOutcome> {
  const { reporter, environment, now } = context;
  const request = await readRequest({ name, index, config, overrides });
  await using place = await openPlace(config, index, reporter);
  return await reindex(
    {
      ...place,
      run,
      openBulkSender: (engine, physical, options) =>
        openBulkSender(engine, physical, { ...options, reporter }),
      reporter,
      environment,
      now,
      random: Math.random,
    },
    request,
  );
}

/** The engine and the storage of an index, to be disposed. */
export async function openPlace(
  config: Config,
  index: IndexConfig,
  reporter: Reporter,
): Promise<AsyncDisposable & { engine: SearchEngine; storage: Storage }> {
  await using opened = new AsyncDisposableStack();
  const engine = await openSearchEngine(requireSearch(config, index.search ?? ""), { reporter });
  opened.defer(() => engine.close());
  const storage = await openStorage(requireStorage(config), reporter);
  opened.defer(() => storage.close());
  const kept = opened.move();
  return { engine, storage, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function readRequest({ name, index, config, overrides }: BuiltinIndex): Promise<ReindexRequest> {
  const { folder } = config;
  const { mapping = "", settings, sql = "", id = "", version } = index;
  return {
    alias: name,
    connection: requireDatabase(config, index.database).connection,
    sql: { file: sql, sql: await readSql(resolve(folder, sql), sql), id, version },
    follow: index.follow,
    definition: await readIndexDefinition({
      mapping: resolve(folder, mapping),
      settings: settings === undefined ? undefined : resolve(folder, settings),
    }),
    keep: index.keep,
    maxErrors: index.maxErrors,
    maxDocsPerSecond: overrides.docsPerSecond ?? index.maxDocsPerSecond,
    jobs: index.jobs,
    adopt: overrides.adopt || index.adopt,
    checkpointInterval: CHECKPOINT_INTERVAL,
  };
}

async function readSql(path: string, name: string): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    if (text.length > MAX_SQL_BYTES) throw new Error(`it is larger than ${MAX_SQL_BYTES} bytes`);
    return text;
  } catch (error) {
    throw new DataopsError("usage", `cannot read ${name}: ${messageOf(error)}`, {
      hint: "correct sql in the index's configuration; it is relative to the configuration file",
      cause: error,
    });
  }
}
