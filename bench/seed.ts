/**
 * Resets a staging database whose seeds have not changed, in turn with the copy of a template, the least that it can take:
 * `npm run bench:seed -- --size 1.25GB --runs 5`.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readSeed } from "../src/config/read-seed.ts";
import { Secret } from "../src/config/secret.ts";
import { configSchema } from "../src/config/schema.ts";
import { silentReporter } from "../src/observe/reporter.ts";
import { connect } from "../src/postgres/client.ts";
import { runSeed } from "../src/seed/seed.ts";
import { NOTHING } from "../test/support/known-value.ts";
import { settingsFor, startPostgres } from "../test/support/postgres-servers.ts";
import { SEED_LIMIT } from "./budgets.ts";
import { median } from "./measure.ts";
import { say } from "./say.ts";
import { megabytes, parseSize } from "./size.ts";
import { DEFAULTS, drop, recreate, runStatement } from "./stage.ts";

/** What a row of the table weighs on disk, its index included, in bytes. */
const BYTES_PER_ROW = 288;

const SCHEMA = "CREATE TABLE events (id bigint PRIMARY KEY, kind text, payload text);";

const STAGING = "staging";
/** Who resets it: a role as teams have one, that owns it and may make databases. */
const APPLICATION = { user: "application", password: new Secret("application") };
const COPY = "copied";

/** Milliseconds between two looks at which database is staging. */
const LOOK = 2;

interface Reset {
  /** Seconds until the new database had the name. */
  untilSwap: number;
  /** Seconds until all was done, what is no longer kept having been dropped. */
  whole: number;
}

const { values } = parseArgs({
  options: { size: { type: "string", default: "1.25GB" }, runs: { type: "string", default: "5" } },
});
const runs = Number(values.runs);
const rows = Math.round(parseSize(values.size) / BYTES_PER_ROW);

await using cleanup = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), "dataops-bench-"));
cleanup.defer(() => rm(folder, { recursive: true, force: true }));
await writeFile(join(folder, "schema.sql"), SCHEMA);
await writeFile(
  join(folder, "seed.sql"),
  `INSERT INTO events SELECT n, 'kind ' || n % 40, repeat(md5(n::text), 6) FROM generate_series(1, ${rows}) AS n;`,
);
const server = cleanup.use(await startPostgres({ version: 15, settings: DEFAULTS, onDisk: true }));
await recreate(server, STAGING);
await runStatement(
  server,
  `CREATE ROLE ${APPLICATION.user} LOGIN CREATEDB PASSWORD '${APPLICATION.password.reveal()}';
   ALTER DATABASE ${STAGING} OWNER TO ${APPLICATION.user};
   COMMENT ON DATABASE ${STAGING} IS '[dataops: environment staging]'`,
);

say("building what is copied");
const { fromTemplate } = await reset();
if (fromTemplate) throw new Error("there was nothing to copy yet");
// From the second one on, each reset drops what the one before it replaced.
await timedReset();

const copies: number[] = [];
const resets: Reset[] = [];
for (let round = 1; round <= runs; round += 1) {
  say(`round ${round} of ${runs}`);
  copies.push(await timedCopy());
  resets.push(await timedReset());
}

const size = await askNumber(`SELECT pg_database_size('${STAGING}') AS value`);
const copy = median(copies);
const untilSwap = median(resets.map((one) => one.untilSwap));
const whole = median(resets.map((one) => one.whole));
const ratio = untilSwap / copy;
const isMet = ratio <= SEED_LIMIT;
process.stdout.write(
  `${megabytes(size)}, medians of ${runs} paired runs
CREATE DATABASE … STRATEGY FILE_COPY  ${copy.toFixed(2)} s
reset, until it has the name         ${untilSwap.toFixed(2)} s  ${ratio.toFixed(2)}x: budget ${SEED_LIMIT}x, ${isMet ? "met" : "NOT met"}
reset, until the old one is dropped  ${whole.toFixed(2)} s  ${(whole / copy).toFixed(2)}x
`,
);
if (!isMet) process.exitCode = 1;

/** A reset as a daemon runs it, in a process that lives. */
async function reset(): Promise<{ fromTemplate: boolean }> {
  const section = { schema: { sql: "schema.sql" }, seeds: ["seed.sql"], expect: { events: `>=${rows}` } };
  const checked = configSchema.parse({ seed: { [STAGING]: section } }).seed[STAGING];
  if (checked === undefined) throw new Error("it was given");
  return await runSeed(
    {
      reporter: silentReporter,
      signal: new AbortController().signal,
      environment: process.env,
      now: () => Date.now(),
      findSchema: () => Promise.reject(new Error("no backup is wanted")),
      runThen: () => Promise.resolve([]),
    },
    {
      target: {
        name: STAGING,
        environment: "staging",
        connection: { ...settingsFor(server), ...APPLICATION, database: STAGING },
      },
      settings: readSeed(STAGING, checked, NOTHING),
      folder,
      force: false,
      asSuperuser: false,
    },
  );
}

async function timedReset(): Promise<Reset> {
  await runStatement(server, "CHECKPOINT");
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const swapped = untilSwapped().then(seconds);
  const outcome = await reset();
  const whole = seconds();
  if (!outcome.fromTemplate) throw new Error("a reset of unchanged seeds was built anew");
  const found = await askNumber("SELECT count(*)::float8 AS value FROM events", STAGING);
  if (found !== rows) throw new Error(`${found} of ${rows} rows are there`);
  return { untilSwap: await swapped, whole };
}

/** Fulfilled when another database has the name. */
async function untilSwapped(): Promise<void> {
  await using client = await connect(settingsFor(server), { applicationName: "bench" });
  const look = async (): Promise<unknown> => {
    const [row] = await client.query(`SELECT oid FROM pg_database WHERE datname = '${STAGING}'`);
    return row?.["oid"];
  };
  const before = await look();
  for (let now = before; now === before || now === undefined; now = await look()) await delay(LOOK);
}

async function timedCopy(): Promise<number> {
  await runStatement(server, "CHECKPOINT");
  const started = performance.now();
  await runStatement(server, `CREATE DATABASE ${COPY} TEMPLATE ${STAGING}__template STRATEGY FILE_COPY`);
  const took = (performance.now() - started) / 1000;
  await drop(server, COPY);
  return took;
}

async function askNumber(sql: string, database?: string): Promise<number> {
  const settings = settingsFor(server);
  await using client = await connect(database === undefined ? settings : { ...settings, database }, {
    applicationName: "bench",
  });
  const [row] = await client.query<{ value: string | number }>(sql);
  return Number(row?.value);
}
