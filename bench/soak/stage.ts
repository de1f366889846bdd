import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installProgram } from "../../scripts/bundle.ts";
import { connect } from "../../src/postgres/client.ts";
import { openS3Storage } from "../../src/storage/s3.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { startReceiver, answerOk, type HttpReceiver } from "../../test/support/http-receiver.ts";
import { freePort } from "../../test/support/ports.ts";
import {
  settingsFor,
  startPostgres,
  urlFor,
  type PostgresServer,
} from "../../test/support/postgres-servers.ts";
import { startCeph, type S3Server } from "../../test/support/s3-servers.ts";
import { stopServer } from "./database-server.ts";
import { openGate, type Gate } from "./gate.ts";
import { SHOPS, soakConfig, STAGINGS } from "./jobs.ts";

/** All that a soak's programs need, and what goes wrong with it. */
export interface Stage {
  folder: string;
  /** The program as it is shipped. */
  cli: string;
  server: PostgresServer;
  s3: S3Server;
  /** The network between the programs and the storage. */
  gate: Gate;
  /** Who is told. */
  notices: HttpReceiver;
  /** The storage as it is, whatever the gate does. */
  storage: Storage;
  /** Of every program. */
  environment: Readonly<Record<string, string>>;
}

export const BUCKET = "soak";

/** The databases' servers show their statements to nobody, and write as they would in life. */
const SETTINGS = { log_statement: "none", autovacuum: "on", synchronous_commit: "on" };

/** Starts the servers and fills the databases; all of it goes with `cleanup`. */
export async function setStage(cleanup: AsyncDisposableStack): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-soak-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const cli = await installProgram(join(folder, "program"));
  const server = cleanup.use(await startPostgres({ version: 15, settings: SETTINGS }));
  cleanup.defer(() => stopServer(server));
  const s3 = await startCeph();
  cleanup.defer(() => s3.stop());
  await s3.createBucket(BUCKET);
  const gate = cleanup.use(await openGate(Number(new URL(s3.endpoint).port)));
  const notices = cleanup.use(await startReceiver(answerOk));
  const storage = openS3Storage({
    bucket: BUCKET,
    prefix: "",
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  });
  cleanup.defer(() => storage.close());
  await fill(server);
  const databases = [...SHOPS, ...STAGINGS].map((name) => [
    `${name.toUpperCase()}_URL`,
    urlFor(server, name),
  ]);
  return {
    folder,
    cli,
    server,
    s3,
    gate,
    notices,
    storage,
    environment: {
      ...Object.fromEntries(databases),
      DATAOPS_STORAGE: `s3://${BUCKET}`,
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${gate.port}`,
      AWS_REGION: s3.region,
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      NOTICES_URL: `${notices.origin}/notices`,
    },
  };
}

/** A program's own configuration file, with what it names beside it. */
export async function writeConfig(
  { folder }: Stage,
  name: string,
): Promise<{ file: string; port: number; text: string }> {
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const file = join(home, "dataops.config.yaml");
  // JSON is YAML, too.
  const text = JSON.stringify(soakConfig(port));
  await writeFile(file, text);
  await writeFile(join(home, "schema.sql"), "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);\n");
  const seed = "INSERT INTO users SELECT id, 'user ' || id FROM generate_series(1, 100) AS id;\n";
  await writeFile(join(home, "seed.sql"), seed);
  return { file, port, text };
}

/** Shops with a table large enough for blocks, and one that is not; stagings that may be reset. */
async function fill(server: PostgresServer): Promise<void> {
  await using admin = await connect(settingsFor(server), { applicationName: "soak" });
  for (const name of [...SHOPS, ...STAGINGS]) await admin.query(`CREATE DATABASE ${name}`);
  for (const name of STAGINGS)
    await admin.query(`ALTER DATABASE ${name} SET dataops.environment = 'staging'`);
  for (const name of SHOPS) {
    await using client = await connect(settingsFor(server, { database: name }), { applicationName: "soak" });
    await client.query(`
      CREATE TABLE orders (id int PRIMARY KEY, note text NOT NULL);
      INSERT INTO orders SELECT id, repeat(md5(id::text), 4) FROM generate_series(1, 20000) AS id;
      CREATE TABLE settings (name text PRIMARY KEY, value text);
      INSERT INTO settings VALUES ('shop', '${name}')`);
  }
}

/** Changes a few rows of one shop, as its application would. Fails while the server is away. */
export async function changeShop(server: PostgresServer, name: string, number: number): Promise<void> {
  await using client = await connect(settingsFor(server, { database: name }), { applicationName: "soak" });
  await client.query(
    `UPDATE orders SET note = md5('${number}' || id) WHERE id % 2000 = ${number % 2000};
     INSERT INTO orders SELECT max(id) + 1, 'order ${number}' FROM orders`,
  );
}
