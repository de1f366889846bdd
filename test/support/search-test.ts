import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, test as base } from "vitest";
import { openSearchHttp, type Authentication } from "../../src/search/client.ts";
import { makeSearchEngine } from "../../src/search/engine.ts";
import type { SearchEngine } from "../../src/search/search-engine.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { startSearchProxy, type SearchFaultRule, type SearchProxy } from "./search-proxy.ts";
import {
  type SearchDescription,
  type SearchEngineName,
  type SearchServer,
  startSearch,
} from "./search-servers.ts";
import { sharedSearch } from "./shared-servers.ts";

export interface TestEngineOptions {
  authentication?: Authentication;
  /** Milliseconds. */
  idleTimeout?: number;
  certificates?: string;
}

/** Our adapter, without retries, as `openSearchEngine` makes it. */
export function openTestEngine(url: string, options: TestEngineOptions = {}): SearchEngine {
  const { authentication = { kind: "none" }, idleTimeout = 30_000, certificates } = options;
  const http = openSearchHttp({ url, authentication, certificates, connectTimeout: 5_000, idleTimeout });
  return makeSearchEngine({
    url,
    http,
    isServerless: false,
    onExpired: () => {
      if (authentication.kind === "sigv4") authentication.credentials.forget();
    },
  });
}

/** An alias that no other test of any run uses. */
function uniqueAlias(): string {
  return `test-${randomBytes(6).toString("hex")}`;
}

/** A run's id that no other has; later calls give later ones. */
export function uniqueRun(): string {
  lastRun += 1_000;
  const stamp = new Date(lastRun).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `${stamp}-${randomBytes(3).toString("hex")}`;
}

let lastRun = Date.UTC(2026, 0, 1);

/** Asks an engine behind the back of our code. */
export async function askEngine(
  url: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** The body of a bulk request. */
export function ndjson(...lines: readonly object[]): Buffer {
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** Documents `first` up to, not including, `end`, each with an external version and some bytes of text. */
export function documents(first: number, end: number, bytes = 20, version = 1): Buffer {
  const numbers = Array.from({ length: end - first }, (_, place) => first + place);
  return ndjson(
    ...numbers.flatMap((number) => [
      { index: { _id: `id-${number}`, version, version_type: "external" } },
      { name: `document ${number}`, text: "x".repeat(bytes) },
    ]),
  );
}

/** What an index of `documents` is made from. */
export const TEST_MAPPINGS = {
  dynamic: "strict",
  properties: {
    name: { type: "keyword" },
    text: { type: "keyword", index: false, doc_values: false },
    price: { type: "long" },
  },
} as const;

export const TEST_SETTINGS = { number_of_shards: 1, number_of_replicas: 0 } as const;

/** A missing engine skips the test, loudly; in CI it fails it. */
async function orSkip(
  starting: Promise<SearchDescription>,
  context: { skip(note?: string): never },
): Promise<SearchDescription> {
  try {
    return await starting;
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return context.skip(error.message);
  }
}

/** The engines that the whole suite runs on, and that its files share. The conformance suite runs on all. */
const SHARED: readonly SearchEngineName[] = ["opensearch-2", "elasticsearch-7"];

/**
 * An engine that is started before the file's tests, which would not wait that long: the run's own, or where no other file needs
 * it or `settings` are given, one that ends with the file.
 */
function engineOfFile(
  name: SearchEngineName,
  settings?: Readonly<Record<string, string>>,
): (context: { skip(note?: string): never }) => Promise<SearchDescription> {
  const isShared = SHARED.includes(name) && settings === undefined;
  let own: Promise<SearchServer> | undefined;
  let starting: Promise<SearchDescription> | undefined;
  beforeAll(async () => {
    own = isShared ? undefined : startSearch(name, settings);
    starting = own ?? sharedSearch(name);
    await starting.catch(() => undefined);
  });
  afterAll(async () => {
    await own?.then(
      (server) => server.stop(),
      () => undefined,
    );
  });
  return (context) => orSkip(starting ?? sharedSearch(name), context);
}

interface Fixtures {
  search: SearchDescription;
  /** Our adapter to it. */
  engine: SearchEngine;
  /** An alias of one test, whose indexes go with it. */
  alias: string;
  /** Puts faults before the engine. */
  faulty: (
    rule: SearchFaultRule,
    options?: TestEngineOptions,
  ) => Promise<{ engine: SearchEngine; proxy: SearchProxy }>;
}

/** Vitest's `test` with that search engine; one of its own where it is to have settings of the node. */
// eslint-disable-next-line typescript/explicit-function-return-type -- only Vitest can name the type
export function searchTest(name: SearchEngineName, settings?: Readonly<Record<string, string>>) {
  const engineOrSkip = engineOfFile(name, settings);
  return base.extend<Fixtures>({
    search: async ({ skip }, use) => use(await engineOrSkip({ skip })),
    engine: async ({ search }, use) => {
      const engine = openTestEngine(search.url);
      await use(engine);
      await engine.close();
    },
    alias: async ({ search }, use) => {
      const alias = uniqueAlias();
      await use(alias);
      await removeIndexes(search.url, alias);
    },
    faulty: async ({ search }, use) => {
      await using opened = new AsyncDisposableStack();
      await use(async (rule, options) => {
        const proxy = opened.use(await startSearchProxy(search.url, rule));
        const engine = openTestEngine(proxy.url, options);
        opened.defer(() => engine.close());
        return { engine, proxy };
      });
    },
  });
}

/** Removes all indexes whose names begin with `prefix`. */
async function removeIndexes(url: string, prefix: string): Promise<void> {
  const { body } = await askEngine(url, "GET", `/${prefix}*?expand_wildcards=all`);
  const names = Object.keys(body ?? {});
  if (names.length > 0) await askEngine(url, "DELETE", `/${names.join(",")}`);
}
