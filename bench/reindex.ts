/**
 * Loads an index from a table in three ways, in turn, and holds ours to its budgets: `npm run bench:reindex -- --documents 600000`.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { connect } from "../src/postgres/client.ts";
import { settingsFor, startPostgres, urlFor } from "../test/support/postgres-servers.ts";
import { SEARCH_ENGINES, type SearchEngineName } from "../test/support/search-programs.ts";
import { startSearch } from "../test/support/search-servers.ts";
import type { LoadPlace } from "./reindex/contender.ts";

/** Of `helpers.bulk`: the client's processor time for each document. */
const CPU_LIMIT = 0.3;
/** Of prebuilt files: documents each second. */
const RATE_LIMIT = 0.9;
/** Bytes of a request that is built before, as ours has. */
const FILE_SIZE = 8_000_000;

const TABLE = `
CREATE TABLE products AS
SELECT g::bigint AS id, 'Product ' || g AS name, repeat(md5(g::text) || ' ', 6) AS description, (g % 9999) / 100.0 AS price,
       ARRAY['a' || g % 10, 'b' || g % 7] AS tags, g % 3 = 0 AS published, '2026-01-01'::timestamptz - (g || ' s')::interval AS created_at
  FROM generate_series(1, $COUNT) AS g;
ALTER TABLE products ADD PRIMARY KEY (id);`;

const MAPPINGS = {
  properties: {
    id: { type: "long" },
    name: { type: "text" },
    description: { type: "text" },
    price: { type: "scaled_float", scaling_factor: 100 },
    tags: { type: "keyword" },
    published: { type: "boolean" },
    created_at: { type: "date" },
  },
};

interface Load {
  name: string;
  seconds: number;
  cpuSeconds: number;
}

const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    documents: { type: "string", default: "600000" },
    runs: { type: "string", default: "3" },
    engine: { type: "string", default: "opensearch-2" },
  },
});
const count = Number(values.documents);
const names = ["prebuilt files", "dataops", "helpers.bulk"];

await using cleanup = new AsyncDisposableStack();
const files = await mkdtemp(join(tmpdir(), "dataops-bench-"));
cleanup.defer(() => rm(files, { recursive: true, force: true }));
const postgres = cleanup.use(
  await startPostgres({ version: 15, settings: { shared_buffers: "256MB" }, onDisk: true }),
);
const engine = cleanup.use(await startSearch(engineName(values.engine)));
await buildFiles();

const loads: Load[] = [];
for (let round = 0; round < Number(values.runs); round++) {
  for (const name of names) loads.push(await load(name));
}
const results = names.map((name) => ({ name, ...medians(loads.filter((one) => one.name === name)) }));
for (const { name, rate, cpu } of results) {
  process.stdout.write(
    `${name.padEnd(16)} ${rate.toFixed(0).padStart(8)} documents/s  ${cpu.toFixed(2).padStart(6)} s of processor for each million\n`,
  );
}
const byName = Object.fromEntries(results.map((result) => [result.name, result]));
judge(
  "documents/s, of prebuilt files",
  ratio("rate", "prebuilt files"),
  (value) => value >= RATE_LIMIT,
  RATE_LIMIT,
);
judge(
  "processor time, of helpers.bulk",
  ratio("cpu", "helpers.bulk"),
  (value) => value <= CPU_LIMIT,
  CPU_LIMIT,
);

function engineName(name: string): SearchEngineName {
  const found = SEARCH_ENGINES.find((one) => one === name);
  if (found === undefined) throw new Error(`no engine ${name}: ${SEARCH_ENGINES.join(", ")}`);
  return found;
}

/** Makes the table, and the requests that send it. */
async function buildFiles(): Promise<void> {
  await using client = await connect(settingsFor(postgres), { applicationName: "bench" });
  await client.query(TABLE.replace("$COUNT", String(count)));
  await client.query("VACUUM ANALYZE products");
  let lines: string[] = [];
  let size = 0;
  let number = 0;
  const flush = async (): Promise<void> => {
    await writeFile(join(files, `${number++}.ndjson`), lines.join(""));
    lines = [];
    size = 0;
  };
  for (let from = 1; from <= count; from += 20_000) {
    const rows = await client.query<{ line: string }>(
      `SELECT '{"index":{"_id":"' || id || E'","version":1,"version_type":"external"}}\\n' || row_to_json(products) || E'\\n' AS line
         FROM products WHERE id >= $1 AND id < $2`,
      [from, from + 20_000],
    );
    for (const { line } of rows) {
      if (size + line.length > FILE_SIZE) await flush();
      lines.push(line);
      size += line.length;
    }
  }
  await flush();
}

/** One contender fills one new index, as a process of its own. */
async function load(name: string): Promise<Load> {
  const index = `bench-${loads.length}`;
  const settings = { number_of_shards: 1, number_of_replicas: 0, refresh_interval: "-1" };
  await ask("PUT", `/${index}`, { settings, mappings: MAPPINGS });
  const place: LoadPlace = {
    databaseUrl: urlFor(postgres, "postgres"),
    engineUrl: engine.url,
    index,
    files,
  };
  const script = fileURLToPath(new URL("reindex/contender.ts", import.meta.url));
  const { stdout } = await run(process.execPath, [script, name, JSON.stringify(place)]);
  await ask("POST", `/${index}/_refresh`);
  const answer = await ask("GET", `/${index}/_count`);
  if (!answer.includes(`"count":${count},`)) throw new Error(`${name} lost documents: ${answer}`);
  await ask("DELETE", `/${index}`);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the contender wrote it
  return { name, ...(JSON.parse(stdout) as Omit<Load, "name">) };
}

async function ask(method: string, path: string, body?: object): Promise<string> {
  const response = await fetch(`${engine.url}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return text;
}

/** Documents each second, and the client's processor time in seconds for each million of them. */
function medians(runs: readonly Load[]): { rate: number; cpu: number } {
  const middle = (values: number[]): number =>
    values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
  return {
    rate: count / middle(runs.map(({ seconds }) => seconds)),
    cpu: (middle(runs.map(({ cpuSeconds }) => cpuSeconds)) / count) * 1e6,
  };
}

function ratio(key: "rate" | "cpu", other: string): number {
  return (byName["dataops"]?.[key] ?? 0) / (byName[other]?.[key] ?? 0);
}

function judge(what: string, value: number, isMet: (value: number) => boolean, limit: number): void {
  process.stdout.write(
    `${what}: ${value.toFixed(2)}, budget ${limit}: ${isMet(value) ? "met" : "NOT met"}\n`,
  );
  if (!isMet(value)) process.exitCode = 1;
}
