import { describe, expect, onTestFinished, test } from "vitest";
import { startServer } from "../../../src/http/server.ts";
import { RUNS_SHOWN, statusRoutes } from "../../../src/http/status-routes.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { readStatus } from "../../../src/status/read-status.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { loadText } from "../../support/config-file.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";
import { hoursAgo, NOW } from "../../support/status-facts.ts";
import { storeManifest, storeRun } from "../../support/stored-history.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const CONFIG = `
databases: { production: { url: postgres://x/y, environment: production } }
backup: { production: { schedule: "0 */4 * * *" } }
`;

const PRODUCTION = { kind: "backup", name: "production", database: "production" } as const;

interface Served {
  /** Pages that were rendered. */
  pages: () => number;
  get: (path: string) => Promise<{ status: number; type: string | null; body: string }>;
  problems: unknown[];
}

/** A daemon's answers, from this storage and nothing else. */
async function serve(storage: Storage, text = CONFIG, names = ["production"]): Promise<Served> {
  const config = await loadText(text);
  const problems: unknown[] = [];
  let pages = 0;
  const routes = statusRoutes({
    storage: "s3://bucket",
    get version() {
      pages += 1;
      return "1.2.3";
    },
    now: () => NOW,
    onProblem: (error) => void problems.push(error),
    patience: 500,
    readStatus: (now, signal) => readStatus(storage, config, names, now, { signal, runsPerJob: RUNS_SHOWN }),
  });
  const server = await startServer(routes, {
    host: "127.0.0.1",
    port: 0,
    credentials: undefined,
    reporter: silentReporter,
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return {
    pages: () => pages,
    problems,
    get: async (path) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      const type = response.headers.get("content-type");
      return { status: response.status, type, body: await response.text() };
    },
  };
}

async function storageWithHistory(): Promise<Storage> {
  const storage = openFileStorage(await temporaryFolder("status"));
  for (const hours of [2, 6, 10]) {
    await storeManifest(storage, hoursAgo(hours));
    await storeRun(storage, PRODUCTION, hoursAgo(hours));
  }
  return storage;
}

describe("what is in the storage", () => {
  test("is on the page, in the metrics, and fresh", async () => {
    const { get } = await serve(await storageWithHistory());
    const [page, freshness, metrics] = await Promise.all(["/", "/freshness", "/metrics"].map(get));
    expect(page).toMatchObject({ status: 200, type: "text/html; charset=utf-8" });
    expect(page?.body).toContain("All is well");
    expect(freshness).toMatchObject({ status: 200, type: "application/json; charset=utf-8" });
    expect(JSON.parse(freshness?.body ?? "")).toMatchObject({ isFresh: true, level: "ok" });
    expect(metrics).toMatchObject({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" });
    expect(metrics?.body).toContain(
      `dataops_recent_runs{job="backup",name="production",database="production",result="done"} 3`,
    );
  });

  test("is the same after a restart, and from another replica", async () => {
    const storage = await storageWithHistory();
    const [one, other] = await Promise.all([serve(storage), serve(storage)]);
    const withoutProcess = (text: string): string[] =>
      text.split("\n").filter((line) => line.startsWith("dataops_"));
    const [first, second] = [await one.get("/metrics"), await other.get("/metrics")];
    expect(withoutProcess(first.body)).toEqual(withoutProcess(second.body));
    expect((await one.get("/")).body).toBe((await other.get("/")).body);
  });

  test("that is stale is 503 for monitors, and a page to read for people", async () => {
    const storage = openFileStorage(await temporaryFolder("status"));
    await storeManifest(storage, hoursAgo(20));
    const { get } = await serve(storage);
    expect((await get("/freshness")).status).toBe(503);
    const page = await get("/");
    expect(page.status).toBe(200);
    expect(page.body).toContain("1 thing to mend now");
    expect((await get("/metrics")).body).toContain(
      'dataops_findings{database="production",level="critical"} 1',
    );
  });
});

describe("what was reset and rebuilt", () => {
  const config = `
databases: { staging: { url: postgres://x/y, environment: staging } }
search: { main: { url: http://127.0.0.1:9200 } }
seed: { staging: { schedule: "0 1 * * *", schema: { sql: schema.sql } } }
indexes: { products: { schedule: "0 2 * * *", database: staging, driver: { command: ["true"] } } }
`;
  const reset = { kind: "seed", name: "staging", database: "staging" } as const;
  const rebuild = { kind: "reindex", name: "products", database: "staging" } as const;

  test.for([
    { what: "both in time", resetAgo: 10, rebuiltAgo: 10, status: 200, overdue: [] },
    { what: "a reset that is overdue", resetAgo: 60, rebuiltAgo: 10, status: 503, overdue: ["seed staging"] },
    {
      what: "an index that is overdue",
      resetAgo: 10,
      rebuiltAgo: 60,
      status: 503,
      overdue: ["reindex products"],
    },
  ])("is fresh as the storage says: $what", async ({ resetAgo, rebuiltAgo, status, overdue }) => {
    const storage = openFileStorage(await temporaryFolder("status"));
    await storeRun(storage, reset, hoursAgo(resetAgo));
    await storeRun(storage, rebuild, hoursAgo(rebuiltAgo));
    // One that failed since makes nothing fresh.
    await storeRun(storage, reset, hoursAgo(1), { state: "failed", exit: "failed", message: "no" });
    const { get } = await serve(storage, config, ["staging"]);
    const { status: told, body } = await get("/freshness");
    expect(told).toBe(status);
    const critical = [...body.matchAll(/"level":\s*"critical",\s*"message":\s*"(\w+ \w+) last ended well/g)];
    expect(critical.map(([, title]) => title)).toEqual(overdue);
  });
});

describe("a storage that", () => {
  test.for([
    ["fails", () => Promise.reject(new StorageError("transient", "cannot reach the bucket"))],
    ["never answers", () => new Promise(() => undefined)],
  ] as const)("%s: 503, and metrics say so", async ([, answer]) => {
    const storage = openFileStorage(await temporaryFolder("status"));
    const broken: Storage = {
      ...storage,
      url: storage.url,
      async *list() {
        await answer();
        yield* [];
      },
    };
    const { get, problems } = await serve(broken);
    const [page, freshness, metrics] = await Promise.all(["/", "/freshness", "/metrics"].map(get));
    expect(page?.status).toBe(503);
    expect(page?.body).toContain("The status cannot be read");
    expect(freshness?.status).toBe(503);
    expect(JSON.parse(freshness?.body ?? "")).toMatchObject({ isFresh: false, level: "unknown" });
    expect(metrics?.status).toBe(200);
    expect(metrics?.body).toContain("dataops_storage_reachable 0");
    expect(metrics?.body).not.toContain("dataops_backups");
    expect(problems).toHaveLength(1);
  });
});

test("a thousand requests at once are one look and one page", async () => {
  const storage = faultyStorage(await storageWithHistory());
  const { get, pages } = await serve(storage);
  const told = await Promise.all(Array.from({ length: 1_000 }, () => get("/")));
  expect(new Set(told.map(({ status }) => status))).toEqual(new Set([200]));
  // The backups' listing, and the runs'.
  expect(storage.calls.list).toBe(2);
  expect(pages()).toBe(1);
});
