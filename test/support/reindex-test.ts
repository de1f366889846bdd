import { makeBackupId } from "../../src/repository/backup-id.ts";
import type { Reporter } from "../../src/observe/reporter.ts";
import { reindex } from "../../src/reindex/reindex.ts";
import type { ReindexDependencies, ReindexOutcome, ReindexRequest } from "../../src/reindex/request.ts";
import { DEFAULT_BACKOFF } from "../../src/search/backoff.ts";
import { openBulkSender } from "../../src/search/bulk-sender.ts";
import { digestOf } from "../../src/search/index-definition.ts";
import type { SearchEngine } from "../../src/search/search-engine.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import { createDatabase, type TestDatabase } from "./postgres-test.ts";
import { askEngine, searchTest, TEST_SETTINGS } from "./search-test.ts";
import type { SearchEngineName } from "./search-servers.ts";
import { sharedPostgres } from "./shared-servers.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A shop's products, as many as `count`, and what their index is made from. */
export function productsSql(count: number): string {
  return `
CREATE TABLE products (id bigint PRIMARY KEY, name text NOT NULL, price text NOT NULL, updated_at timestamptz NOT NULL);
INSERT INTO products SELECT g, 'product ' || g, g % 1000, '2026-01-01' FROM generate_series(1, ${count}) AS g;
ANALYZE products;`;
}

const MAPPINGS = {
  dynamic: "strict",
  properties: {
    id: { type: "long" },
    name: { type: "keyword" },
    price: { type: "integer" },
    updated_at: { type: "date" },
  },
};

export const PRODUCTS_DEFINITION = {
  mappings: MAPPINGS,
  settings: TEST_SETTINGS,
  digest: digestOf({ mappings: MAPPINGS, settings: TEST_SETTINGS }),
};

/** Runs of reindexes of one alias, one after the other, that share a storage. */
export interface ReindexRuns {
  storage: Storage;
  /** What the runs told, in their order. */
  told: string[];
  run(changes?: RunChanges): Promise<ReindexOutcome>;
}

export interface RunChanges {
  request?: Partial<ReindexRequest>;
  engine?: SearchEngine;
  /** Put before the storage. */
  wrap?: (storage: Storage) => Storage;
  signal?: AbortSignal;
  /** Called just before the alias changes. */
  confirm?: () => Promise<void>;
  /** Called with each line that is told. */
  onLine?: (line: string) => void;
  /** Milliseconds that the sender tries again. */
  patience?: number;
}

async function reindexRuns(
  database: TestDatabase,
  engine: SearchEngine,
  alias: string,
): Promise<ReindexRuns> {
  const storage = openFileStorage(await temporaryFolder("reindex"));
  const told: string[] = [];
  let runs = 0;
  return {
    storage,
    told,
    run: async (changes = {}) => {
      const tell = (line: string): void => {
        told.push(line);
        changes.onLine?.(line);
      };
      const reporter: Reporter = {
        info: tell,
        warn: tell,
        progress: () => ({ add() {}, end() {} }),
      };
      runs += 1;
      const dependencies: ReindexDependencies = {
        run: {
          job: { kind: "reindex", name: alias, database: "staging" },
          // Ids are to the second.
          id: makeBackupId(Date.now() + runs * 1_000),
          signal: changes.signal ?? new AbortController().signal,
          confirm: changes.confirm ?? (() => Promise.resolve()),
        },
        engine: changes.engine ?? engine,
        openBulkSender: (target, index, options) =>
          openBulkSender(target, index, {
            ...options,
            maxRequestBytes: 40_000,
            patience: changes.patience ?? 20_000,
            backoff: { ...DEFAULT_BACKOFF, baseDelay: 50, maxDelay: 200 },
          }),
        storage: changes.wrap?.(storage) ?? storage,
        reporter,
        environment: {},
        now: () => Date.now(),
        random: Math.random,
      };
      return reindex(dependencies, {
        alias,
        connection: database.settings,
        sql: { file: "products.sql", sql: "SELECT * FROM products", id: "id", version: undefined },
        follow: [],
        definition: PRODUCTS_DEFINITION,
        keep: 2,
        maxErrors: 0,
        maxDocsPerSecond: undefined,
        jobs: 2,
        adopt: false,
        lockTimeout: 20_000,
        checkpointInterval: 100,
        ...changes.request,
      });
    },
  };
}

/** All documents that a search of `name` finds, by id, at most 10,000. */
export async function searchAll(url: string, name: string): Promise<Record<string, unknown>> {
  await askEngine(url, "POST", `/${name}/_refresh`);
  const { body } = await askEngine(url, "POST", `/${name}/_search`, { size: 10_000, sort: ["_doc"] });
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- as the engines answer
  const { hits } = body as { hits: { hits: { _id: string; _source: unknown }[] } };
  return Object.fromEntries(hits.hits.map(({ _id, _source }) => [_id, _source]));
}

/** All rows as the documents that they should be, by id. */
export async function readProducts(database: TestDatabase): Promise<Record<string, unknown>> {
  const client = await database.connect();
  await client.query("SET TimeZone = 'UTC'");
  const rows = await client.query<{ id: string; document: unknown }>(
    "SELECT id::text, row_to_json(products) AS document FROM products",
  );
  return Object.fromEntries(rows.map(({ id, document }) => [id, document]));
}

/** Vitest's `test` with a database, a search engine and an alias. */
// eslint-disable-next-line typescript/explicit-function-return-type -- only Vitest can name the type
export function reindexTest(name: SearchEngineName) {
  return searchTest(name).extend<{ database: TestDatabase; runs: ReindexRuns }>({
    // eslint-disable-next-line no-empty-pattern -- vitest demands a pattern
    database: async ({}, use) => {
      const database = await createDatabase(await sharedPostgres(15));
      await use(database);
      await database.drop();
    },
    runs: async ({ database, engine, alias }, use) => use(await reindexRuns(database, engine, alias)),
  });
}
