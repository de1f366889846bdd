import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installProgram } from "../scripts/bundle.ts";
import { connect } from "../src/postgres/client.ts";
import { quoteIdentifier } from "../src/postgres/quote.ts";
import { openFileStorage } from "../src/storage/file.ts";
import { openS3Storage } from "../src/storage/s3.ts";
import type { Storage } from "../src/storage/storage.ts";
import { settingsFor, startPostgres, urlFor, type PostgresServer } from "../test/support/postgres-servers.ts";
import { startCeph, type S3Server } from "../test/support/s3-servers.ts";

/** PostgreSQL's own defaults again, in place of those that make tests quick. */
export const DEFAULTS = {
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  autovacuum: "on",
  shared_buffers: "128MB",
  log_statement: "none",
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** A dataops of its own: how it stores backups, and where. */
export interface Setup {
  format: "archive" | "blocks";
  where: "S3" | "a folder";
}

/** The servers and folders that every contender works on. */
export interface Stage {
  folder: string;
  /** The program as it is shipped. */
  cli: string;
  source: PostgresServer;
  target: PostgresServer;
  /** The folder of the stock programs, of the servers' version. */
  programs: string;
  s3: S3Server;
}

export const SOURCE_DATABASE = "production";
export const TARGET_DATABASE = "development";
const BUCKET = "bench";
/** What a server has from the start. */
const OWN_DATABASES = "'postgres', 'template0', 'template1'";

/** Starts the servers; all of it goes with `cleanup`. */
export async function setStage(cleanup: AsyncDisposableStack): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-bench-"));
  // A contender that was cut off may still write for a moment.
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const cli = await installProgram(join(folder, "program"));
  const source = cleanup.use(await startPostgres({ version: 15, settings: DEFAULTS, onDisk: true }));
  const target = cleanup.use(await startPostgres({ version: 15, settings: DEFAULTS, onDisk: true }));
  const s3 = await startCeph();
  cleanup.defer(() => s3.stop());
  await s3.createBucket(BUCKET);
  if (source.programs === undefined) throw new Error("a server of our own has programs");
  return { folder, cli, source, target, programs: source.programs, s3 };
}

/** A place in the bucket, under a name. */
export function openBucket({ s3 }: Stage, prefix: string): Storage {
  return openS3Storage({
    bucket: BUCKET,
    prefix,
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  });
}

/** Where a dataops of that setup stores. */
export function openStorageOf(stage: Stage, { format, where }: Setup): Storage {
  return where === "S3" ? openBucket(stage, format) : openFileStorage(storageFolder(stage, format));
}

function storageFolder({ folder }: Stage, format: string): string {
  return join(folder, `storage-${format}`);
}

/**
 * The environment of a dataops process, with a configuration file written for it.
 *
 * @param cache names the folder of its cache
 */
export async function environmentOf(stage: Stage, setup: Setup, cache: string): Promise<Environment> {
  const { folder, source, target, s3 } = stage;
  const { format, where } = setup;
  const configuration = join(folder, `${format}-${where === "S3" ? "s3" : "folder"}.yaml`);
  const content = {
    storage: where === "S3" ? `s3://${BUCKET}/${format}` : `file://${storageFolder(stage, format)}`,
    databases: {
      production: { url: "${DATABASE_URL}", environment: "production" },
      local: { url: "${LOCAL_DATABASE_URL}", environment: "development" },
    },
    backup: { production: { format } },
  };
  // JSON is YAML, too.
  await writeFile(configuration, JSON.stringify(content));
  return {
    PATH: process.env["PATH"],
    HOME: folder,
    TMPDIR: folder,
    XDG_CACHE_HOME: cacheFolder(stage, cache),
    DATAOPS_CONFIG: configuration,
    DATABASE_URL: urlFor(source, SOURCE_DATABASE),
    LOCAL_DATABASE_URL: urlFor(target, TARGET_DATABASE),
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}

/** The folder of a cache that `environmentOf` was told of. */
export function cacheFolder({ folder }: Stage, cache: string): string {
  return join(folder, `cache-${cache}`);
}

/** An empty database in the place of whatever has the name. */
export async function recreate(server: PostgresServer, database: string): Promise<void> {
  await drop(server, database);
  await runStatement(server, `CREATE DATABASE ${quoteIdentifier(database)} TEMPLATE template0`);
}

export async function drop(server: PostgresServer, database: string): Promise<void> {
  await runStatement(server, `DROP DATABASE IF EXISTS ${quoteIdentifier(database)} WITH (FORCE)`);
}

/** Drops every database that the server did not have from the start, also those that a restore keeps as templates. */
export async function wipe(server: PostgresServer): Promise<void> {
  await using client = await connect(settingsFor(server), { applicationName: "bench" });
  const databases = await client.query<{ name: string; isTemplate: boolean }>(
    `SELECT datname AS name, datistemplate AS "isTemplate" FROM pg_database WHERE datname NOT IN (${OWN_DATABASES})`,
  );
  for (const { name, isTemplate } of databases) {
    if (isTemplate) await client.query(`ALTER DATABASE ${quoteIdentifier(name)} IS_TEMPLATE false`);
    await client.query(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
  }
}

/** Runs one statement in the server's maintenance database. */
export async function runStatement(server: PostgresServer, sql: string): Promise<void> {
  await using client = await connect(settingsFor(server), { applicationName: "bench" });
  await client.query(sql);
}
