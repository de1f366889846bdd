import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../src/postgres/client.ts";
import { quoteIdentifier } from "../src/postgres/quote.ts";
import { openS3Storage } from "../src/storage/s3.ts";
import type { Storage } from "../src/storage/storage.ts";
import { everyKindOfTable } from "../test/support/every-kind-of-table.ts";
import { settingsFor, startPostgres, urlFor, type PostgresServer } from "../test/support/postgres-servers.ts";
import { startCeph } from "../test/support/s3-servers.ts";

/** PostgreSQL's own defaults again, in place of those that make tests quick. */
const DEFAULTS = {
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  autovacuum: "on",
  shared_buffers: "128MB",
  log_statement: "none",
};

/** The servers and folders that every contender works on. */
export interface Stage {
  folder: string;
  source: PostgresServer;
  target: PostgresServer;
  /** The folder of the stock programs, of the servers' version. */
  programs: string;
  /** Where the baseline's archive is put and fetched from. */
  storage: Storage;
  /** For a dataops process: where its databases and the S3 server are. */
  environment: Readonly<Record<string, string | undefined>>;
  /** The same, with a folder as the storage. */
  fileEnvironment: Readonly<Record<string, string | undefined>>;
}

export const SOURCE_DATABASE = "production";
export const TARGET_DATABASE = "development";
const BUCKET = "bench";

/** Starts the servers; all of it goes with `cleanup`. */
export async function setStage(cleanup: AsyncDisposableStack): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-bench-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const [source, target] = [
    cleanup.use(await startPostgres({ version: 15, settings: DEFAULTS })),
    cleanup.use(await startPostgres({ version: 15, settings: DEFAULTS })),
  ];
  const s3 = await startCeph();
  cleanup.defer(() => s3.stop());
  await s3.createBucket(BUCKET);
  if (source.programs === undefined) throw new Error("a server of our own has programs");

  const environment = {
    PATH: process.env["PATH"],
    HOME: folder,
    TMPDIR: folder,
    XDG_CACHE_HOME: join(folder, "cache"),
    DATABASE_URL: urlFor(source, SOURCE_DATABASE),
    LOCAL_DATABASE_URL: urlFor(target, TARGET_DATABASE),
    DATAOPS_STORAGE: `s3://${BUCKET}/dataops`,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  return {
    folder,
    source,
    target,
    programs: source.programs,
    storage: openS3Storage({
      bucket: BUCKET,
      prefix: "baseline",
      endpoint: s3.endpoint,
      region: s3.region,
      forcePathStyle: true,
      credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    }),
    environment,
    fileEnvironment: { ...environment, DATAOPS_STORAGE: `file://${join(folder, "storage")}` },
  };
}

/** A source of that size, and no backup of it anywhere. @returns its size as the server says it */
export async function fillSource({ source }: Stage, size: number): Promise<number> {
  await recreate(source, SOURCE_DATABASE);
  await using client = await connect(settingsFor(source, { database: SOURCE_DATABASE }), {
    applicationName: "bench",
  });
  await client.query(everyKindOfTable({ size }));
  await client.query("VACUUM ANALYZE");
  await client.query("CHECKPOINT");
  const [row] = await client.query<{ size: string }>("SELECT pg_database_size(current_database()) AS size");
  return Number(row?.size);
}

/** An empty database in the place of whatever has the name. */
export async function recreate(server: PostgresServer, database: string): Promise<void> {
  await drop(server, database);
  await runStatement(server, `CREATE DATABASE ${quoteIdentifier(database)} TEMPLATE template0`);
}

export async function drop(server: PostgresServer, database: string): Promise<void> {
  await runStatement(server, `DROP DATABASE IF EXISTS ${quoteIdentifier(database)} WITH (FORCE)`);
}

async function runStatement(server: PostgresServer, sql: string): Promise<void> {
  await using client = await connect(settingsFor(server), { applicationName: "bench" });
  await client.query(sql);
}
