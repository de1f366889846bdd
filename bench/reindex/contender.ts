/** One contender's load of one index, as a process of its own: `contender.ts NAME JSON`; prints what it came to as JSON. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@opensearch-project/opensearch";
import pg from "pg";
import QueryStream from "pg-query-stream";
import { parseConnection } from "../../src/config/parse-connection.ts";
import { connect } from "../../src/postgres/client.ts";
import { joinSnapshot, openSnapshot } from "../../src/postgres/snapshot.ts";
import { chooseCatchUp } from "../../src/reindex/catch-up.ts";
import { describeSql } from "../../src/reindex/describe-sql.ts";
import { DocumentTable } from "../../src/reindex/document-table.ts";
import { planReading } from "../../src/reindex/load-plan.ts";
import { sendPending } from "../../src/reindex/pass.ts";
import { Refusals } from "../../src/reindex/refusals.ts";
import { scanDocuments } from "../../src/reindex/scan.ts";
import { Throttle } from "../../src/reindex/throttle.ts";
import { openBulkSender } from "../../src/search/bulk-sender.ts";
import { openSearchEngine } from "../../src/search/open.ts";
import { knownValue } from "../../test/support/known-value.ts";

/** Bulk requests at the same time, of every contender. */
const JOBS = 4;

/** What a contender works on. */
export interface LoadPlace {
  databaseUrl: string;
  engineUrl: string;
  /** Of which the contender makes an index that is there already, empty. */
  index: string;
  /** Of requests that were built before. */
  files: string;
}

export const DOCUMENTS_SQL = "SELECT * FROM products";

const CONTENDERS: Readonly<Record<string, (place: LoadPlace) => Promise<void>>> = {
  dataops,
  "helpers.bulk": bulkHelper,
  "prebuilt files": prebuiltFiles,
};

async function dataops({ databaseUrl, engineUrl, index }: LoadPlace): Promise<void> {
  const settings = parseConnection(databaseUrl, "the bench", {});
  const { signal } = new AbortController();
  const open = () => connect(settings, { applicationName: "bench" });
  await using client = await open();
  await using second = await open();
  const engine = await openEngine(engineUrl);
  await using snapshot = await openSnapshot(client, { keepsSearchPath: true });
  const { source, facts } = await describeSql(client, {
    file: "bench",
    sql: DOCUMENTS_SQL,
    id: "id",
    version: undefined,
  });
  const catchUp = chooseCatchUp(facts, []);
  const table = new DocumentTable();
  await scanDocuments(client, table, { source, catchUp, signal });
  const ranges = await planReading(client, table, { source, catchUp });
  await joinSnapshot(second, snapshot.id, { keepsSearchPath: true });
  await sendPending(
    {
      engine,
      index,
      source,
      table,
      sender: openBulkSender(engine, index, { jobs: JOBS }),
      refusals: new Refusals(0),
      throttle: new Throttle(undefined, () => Date.now()),
      progress: { add() {}, end() {} },
      signal,
      connect: open,
    },
    { clients: [client, second], version: 1, isShared: false, ranges },
  );
  await engine.close();
}

/** What most teams have: rows as objects, and the client's own helper. */
async function bulkHelper({ databaseUrl, engineUrl, index }: LoadPlace): Promise<void> {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  const client = new Client({ node: engineUrl });
  const datasource = database.query(new QueryStream(DOCUMENTS_SQL, [], { batchSize: 1_000 }));
  await client.helpers.bulk<{ id: string }>({
    datasource,
    concurrency: JOBS,
    onDocument: ({ id }) => ({ index: { _index: index, _id: id } }),
  });
  await client.close();
  await database.end();
}

/** As fast as the engine takes it: nobody builds anything. */
async function prebuiltFiles({ engineUrl, index, files }: LoadPlace): Promise<void> {
  const engine = await openEngine(engineUrl);
  const sender = openBulkSender(engine, index, { jobs: JOBS });
  const names = (await readdir(files)).values();
  const work = async (): Promise<void> => {
    for (const name of names) await sender.send(await readFile(join(files, name)));
  };
  await Promise.all(Array.from({ length: JOBS }, work));
  await engine.close();
}

function openEngine(url: string) {
  const connection = { url, authentication: { kind: "none" as const }, certificateFile: undefined };
  return openSearchEngine({ name: "bench", connection: knownValue(connection) });
}

const [name = "", place = ""] = process.argv.slice(2);
const contender = CONTENDERS[name];
if (contender === undefined) throw new Error(`no contender ${name}`);
// What is loaded only when needed is loaded before the clock runs, as the client of `helpers.bulk` is.
await Promise.all([import("../../src/search/client.ts"), import("../../src/search/engine.ts")]);
const before = process.cpuUsage();
const started = performance.now();
// eslint-disable-next-line typescript/no-unsafe-type-assertion -- bench/reindex.ts wrote it
await contender(JSON.parse(place) as LoadPlace);
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }));
