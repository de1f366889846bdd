/**
 * The main job, shown on servers of its own: `npm run demo`.
 *
 * Two throwaway PostgreSQL servers and an S3 server inside this process; a sample shop; then the commands as a person
 * would type them, with what they really say. Everything is gone afterwards, however it ends.
 */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { startFauxqs } from "fauxqs";
import { accountForServers } from "./demo/account.ts";
import { startCluster, type Cluster } from "./demo/cluster.ts";
import { runDataops, type DataopsOptions } from "./demo/dataops.ts";
import { findPrograms } from "./demo/programs.ts";
import { countRows, countsSideBySide, sampleCustomers } from "./demo/shop-counts.ts";
import { Screen } from "./demo/screen.ts";
import { sampleShop } from "./sample-shop.ts";

const BUCKET = "shop-backups";

const CONFIG = `\
storage:
  url: s3://${BUCKET}/dataops
  endpoint: \${S3_ENDPOINT}
  forcePathStyle: true
databases:
  production: { url: "\${DATABASE_URL}", environment: production }
  local: { url: "\${LOCAL_DATABASE_URL}", environment: development }
restore:
  local: { after: [{ sql: neutralise.sql }] }
`;

const NEUTRALISE = `\
-- Runs before anybody can connect: no copy of production sends mail, and nobody's address leaves it.
TRUNCATE mails_to_send;
UPDATE customers SET email = 'customer' || id || '@localhost.invalid';
`;

interface Stage {
  production: Cluster;
  local: Cluster;
  folder: string;
  environment: Readonly<Record<string, string>>;
}

async function main(screen: Screen, signal: AbortSignal): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  screen.line(screen.paint("bold", "dataops: production's data, backed up to S3 and brought to a laptop"));
  const stage = await setUp(screen, signal, cleanup);
  const options: DataopsOptions = { environment: stage.environment, folder: stage.folder, screen, signal };

  screen.step(
    "Back production up",
    "One consistent snapshot, streamed to S3, read back while it goes, its manifest written last.",
  );
  await runDataops(["backup", "production"], options);
  screen.note(
    "(The warning is about this demo's S3 server, a small one; Amazon's and Ceph's are without it.)",
  );
  screen.line();
  await runDataops(["list"], options);

  screen.step(
    "Bring it to the laptop",
    "Downloaded and checked, restored into a scratch database, counted, made harmless by neutralise.sql, and only then swapped in.",
  );
  await runDataops(["fetch-latest-db", "--yes"], options);
  screen.line();
  await compare(stage, screen);

  screen.step(
    "Try it on the wrong database",
    "LOCAL_DATABASE_URL points at production: a wrong line in an .env file. Not even --yes and --force help.",
  );
  const before = await countRows(stage.production, "shop");
  await runDataops(
    ["fetch-latest-db", "--yes", "--force"],
    {
      ...options,
      environment: { ...stage.environment, LOCAL_DATABASE_URL: stage.environment["DATABASE_URL"] },
    },
    { exit: 13, shownAs: "LOCAL_DATABASE_URL=$DATABASE_URL dataops fetch-latest-db --yes --force" },
  );
  const after = await countRows(stage.production, "shop");
  if (JSON.stringify([...before]) !== JSON.stringify([...after])) throw new Error("production has changed");
  screen.note("production is as it was", "green");

  screen.step("Undo", "The database from before the fetch was kept beside the new one.");
  await runDataops(["undo", "local", "--yes"], options);
  const customers = (await countRows(stage.local, "shop_development")).get("customers");
  if (customers !== STALE_CUSTOMERS)
    throw new Error(`local has ${customers} customers after undo, not ${STALE_CUSTOMERS}`);
  screen.note(`local has its ${STALE_CUSTOMERS} customers of before again`, "green");
}

/** The old copy that a developer has at the start. */
const STALE_CUSTOMERS = 300;

async function setUp(screen: Screen, signal: AbortSignal, cleanup: AsyncDisposableStack): Promise<Stage> {
  screen.step(
    "Two PostgreSQL servers, an S3 server, and a shop",
    "All of it for this demo only, in temporary folders.",
  );
  const programs = await findPrograms((line) => screen.note(line));
  const account = await accountForServers();
  signal.throwIfAborted();

  const folder = await mkdtemp(join(tmpdir(), "dataops-demo-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "dataops.config.yaml"), CONFIG);
  await writeFile(join(folder, "neutralise.sql"), NEUTRALISE);
  await mkdir(join(folder, "tmp"), { mode: 0o700 });

  const s3 = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  cleanup.defer(() => s3.stop());
  s3.createBucket(BUCKET);

  const started = await Promise.allSettled(
    ["production", "local"].map(async (name) =>
      cleanup.use(await startCluster({ name, programs: programs.server, account, signal })),
    ),
  );
  signal.throwIfAborted();
  const [production, local] = started.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  if (production === undefined || local === undefined) throw new Error("two servers were started");

  const shop = { name: "shop", password: randomBytes(9).toString("base64url") };
  await Promise.all([openShop(production, shop), openOldCopy(local)]);
  const rows = [...(await countRows(production, "shop")).values()].reduce((sum, count) => sum + count, 0);
  const version = `PostgreSQL ${programs.version}`;
  screen.table([
    [
      "production",
      `127.0.0.1:${production.port}`,
      `${version}, database shop: ${rows.toLocaleString("en")} rows`,
    ],
    [
      "local",
      `127.0.0.1:${local.port}`,
      `${version}, database shop_development: an old copy, ${STALE_CUSTOMERS} customers`,
    ],
    ["storage", `127.0.0.1:${s3.port}`, `S3 in this process, bucket ${BUCKET}: empty`],
  ]);
  screen.line();
  screen.command("cat dataops.config.yaml");
  for (const line of CONFIG.trimEnd().split("\n")) screen.said(line, "stdout");
  return {
    production,
    local,
    folder,
    environment: {
      PATH: process.env["PATH"] ?? "",
      // Nothing of this machine's own settings, passwords or caches takes part.
      HOME: folder,
      XDG_CACHE_HOME: join(folder, "cache"),
      TMPDIR: join(folder, "tmp"),
      AWS_ACCESS_KEY_ID: "demo",
      AWS_SECRET_ACCESS_KEY: "demo-secret",
      AWS_REGION: "us-east-1",
      S3_ENDPOINT: `http://127.0.0.1:${s3.port}`,
      DATABASE_URL: production.url("shop", shop),
      LOCAL_DATABASE_URL: local.url("shop_development"),
    },
  };
}

/** Production's application has a plain role, which is all that a backup needs. */
async function openShop(production: Cluster, role: { name: string; password: string }): Promise<void> {
  await production.query("postgres", `CREATE ROLE ${role.name} LOGIN PASSWORD '${role.password}'`);
  await production.query("postgres", `CREATE DATABASE shop OWNER ${role.name}`);
  await production.query(
    "shop",
    `SET ROLE ${role.name}; GRANT ALL ON SCHEMA public TO ${role.name}; ${sampleShop()}`,
  );
}

async function openOldCopy(local: Cluster): Promise<void> {
  await local.query("postgres", "CREATE DATABASE shop_development");
  await local.query("shop_development", sampleShop({ customers: STALE_CUSTOMERS }));
}

async function compare(stage: Stage, screen: Screen): Promise<void> {
  const production = await countRows(stage.production, "shop");
  const local = await countRows(stage.local, "shop_development");
  const { rows, unexpected } = countsSideBySide(production, local, new Set(["mails_to_send"]));
  screen.table([["rows in", "production", "local"], ...rows]);
  screen.line();
  screen.note("production's first customers, and the same on the laptop:");
  for (const line of await sampleCustomers(stage.production, "shop"))
    screen.said(`production  ${line}`, "stdout");
  for (const line of await sampleCustomers(stage.local, "shop_development"))
    screen.said(`local       ${line}`, "stdout");
  if (unexpected.length > 0) throw new Error(`the copy differs from production in ${unexpected.join(", ")}`);
}

const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => controller.abort(signal));
// Whoever read this demo has gone (`npm run demo | head`): end it as on Ctrl-C.
process.stdout.on("error", () => controller.abort("SIGHUP"));

const screen = new Screen(process.stdout);
const startedAt = performance.now();
const SIGNAL_CODES: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
try {
  await main(screen, controller.signal);
  screen.line();
  screen.line(
    screen.paint(
      ["green", "bold"],
      `Done in ${((performance.now() - startedAt) / 1000).toFixed(0)} s; servers and folders are gone.`,
    ),
  );
} catch (error) {
  if (controller.signal.aborted) {
    screen.line(`\n${String(controller.signal.reason)}: servers and folders are gone.`);
    process.exitCode = SIGNAL_CODES[String(controller.signal.reason)] ?? 1;
  } else {
    screen.line(
      screen.paint(
        ["red", "bold"],
        `\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`,
      ),
    );
    process.exitCode = 1;
  }
}
