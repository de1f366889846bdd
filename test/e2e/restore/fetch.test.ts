import { readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { discoverTools } from "../../../src/postgres/tools.ts";
import { makeBackupId, startStamp } from "../../../src/repository/backup-id.ts";
import { manifestKey } from "../../../src/repository/keys.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import {
  BEFORE,
  backUp,
  laptopConfig,
  laptopEnvironment,
  manifestIn,
  PRODUCTION,
  test,
  traces,
} from "../../support/e2e-laptop.ts";
import { environmentOf, expectOneLine } from "../../support/e2e-test.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { fakePrograms } from "../../support/fake-program.ts";
import { startS3Proxy, type ProxiedRequest } from "../../support/s3-proxy.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Milliseconds. */
const POLL = { interval: 20, timeout: 2_000 };

test("production's newest backup comes into another server equal, and a second time without a download", async ({
  database,
  bucket,
  local,
  dataops,
}) => {
  const production = await database.connect();
  await production.query(everyKindOfTable({ size: 1_000_000 }));
  const made = await dataops.run(["backup", "--json"], { environment: environmentOf(database, bucket) });
  await using proxy = await startS3Proxy(bucket.server.endpoint, () => undefined);
  const cache = join(await temporaryFolder("cache"), "archives");
  const environment = {
    ...bucket.environment,
    AWS_ENDPOINT_URL_S3: proxy.endpoint,
    LOCAL_DATABASE_URL: local.url,
    DATAOPS_CACHE_DIRECTORY: cache,
  };

  const fetched = await dataops.run(["fetch-latest-db"], { environment });
  expect(fetched, fetched.stderr).toMatchObject({ code: 0 });
  expect(fetched.stdout).toMatch(
    new RegExp(
      `^restored \\d{8}T\\d{6}Z-[a-z0-9]{6} of production into ${local.name}: [\\d,]+ tables, [\\d,]+ rows, [\\d.]+ [kM]?B downloaded, in [\\d.]+ m?s\\n$`,
    ),
  );
  expect(archiveRequests(proxy.requests)).not.toEqual([]);
  expect(await compareDatabases(database.settings, local.settings)).toEqual([]);
  expect(await local.family()).toEqual([local.name]);
  expect(await traces(local.server)).toEqual([]);

  const before = proxy.requests.length;
  const again = await dataops.run(["fetch-latest-db", "--yes", "--json"], { environment });
  expect(again, again.stdout).toMatchObject({ code: 0 });
  expect(again.json()).toEqual({
    backup: manifestIn(made).id,
    source: "production",
    target: "local",
    database: local.name,
    old: `${local.name}__old`,
    tables: expect.any(Number),
    rows: expect.any(Number),
    downloaded: 0,
    fromTemplate: true,
    leftOut: [],
    failedJobs: [],
    duration: expect.any(Number),
  });
  expect(archiveRequests(proxy.requests.slice(before))).toEqual([]);
  expect(again.stderr).not.toContain("damaged");
  expect(await compareDatabases(database.settings, local.settings)).toEqual([]);
  expect(await local.family()).toEqual([local.name, `${local.name}__old`]);
});

test("two at once: each replaces the database whole, or ends without a trace", async ({
  shop,
  local,
  dataops,
}) => {
  await local.create();
  const cache = join(await temporaryFolder("cache"), "archives");
  const environment = laptopEnvironment(shop.folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
  const ended = await Promise.all([
    dataops.run(["fetch-latest-db", "--yes"], { environment }),
    dataops.run(["fetch-latest-db", "--yes"], { environment }),
  ]);
  for (const exit of ended) {
    expect(exit.code, exit.stderr).toBeOneOf([0, 13]);
    if (exit.code === 13) expectOneLine(exit);
  }
  expect(ended.some(({ code }) => code === 0)).toBe(true);
  expect(await local.content()).toBe(PRODUCTION);
  expect(await local.family()).toEqual([local.name, `${local.name}__old`]);
  expect(await traces(local.server)).toEqual([]);
  expect((await readdir(cache)).filter((name) => !name.endsWith(".dump.zst"))).toEqual([]);
});

describe("which backup", () => {
  test("of several the newest; another by its id, or by the beginning of it", async ({
    database,
    local,
    dataops,
  }) => {
    const folder = await temporaryFolder("storage");
    const production = await database.connect();
    await production.query("CREATE TABLE content AS SELECT 'first'::text AS value");
    const first = await backUp(database, folder);
    // Ids tell seconds apart, manifests what began within one.
    await expect.poll(() => startStamp(makeBackupId(Date.now())), POLL).not.toBe(startStamp(first.id));
    await production.query("UPDATE content SET value = 'second'");
    const second = await backUp(database, folder);
    await production.query("UPDATE content SET value = 'third'");
    const third = await backUp(database, folder);
    const environment = laptopEnvironment(folder, local);

    const latest = await dataops.run(["fetch-latest-db", "--json"], { environment });
    expect(latest.json(), latest.stderr).toMatchObject({ backup: third.id, old: null });
    expect(await local.content()).toBe("third");

    const older = ["restore", first.id, "--to", "local", "--yes"];
    const restored = await dataops.run(older, { environment });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    expect(restored.stdout).toContain(`restored ${first.id} of production into ${local.name}`);
    expect(await local.content()).toBe("first");

    // Up to the first character in which it differs from both others.
    const beginning = shortestPrefix(second.id, [first.id, third.id]);
    const named = await dataops.run(["restore", beginning, "--to", "local", "--yes"], { environment });
    expect(named, named.stderr).toMatchObject({ code: 0 });
    expect(await local.content()).toBe("second");

    const ambiguous = await dataops.run(["restore", "20", "--to", "local", "--yes"], { environment });
    expect(ambiguous, ambiguous.stderr).toMatchObject({ code: 2, stdout: "" });
    const several = await dataops.run(["restore", first.id.slice(0, 6), "--to", "local", "--yes"], {
      environment,
    });
    expect(several, several.stderr).toMatchObject({ code: 2, stdout: "" });
    expectOneLine(several);
    expect(several.stderr).toMatch(/fits 3 backups: /);
    expect(await local.content()).toBe("second");

    // One that is older is none of a fetch's business; an older one is never passed off as the latest.
    await truncate(join(folder, manifestKey(first.database, first.id)), 100);
    expect(await dataops.run(["fetch-latest-db", "--yes"], { environment })).toMatchObject({ code: 0 });
    expect(await local.content()).toBe("third");
    await truncate(join(folder, manifestKey(third.database, third.id)), 100);
    const unreadable = await dataops.run(["fetch-latest-db", "--yes"], { environment });
    expect(unreadable, unreadable.stderr).toMatchObject({ code: 14, stdout: "" });
    expect(unreadable.stderr).toContain(third.id);
    expect(await dataops.run(older, { environment })).toMatchObject({ code: 14 });
    expect(await local.content()).toBe("third");
  });

  test.for<{ what: string; args: string[]; code: number; says: string }>([
    {
      what: "an id that nothing has",
      args: ["restore", "20010101T000000Z-aaaaaa", "--to", "local"],
      code: 10,
      says: "20010101T000000Z-aaaaaa",
    },
    {
      what: "something that is no id",
      args: ["restore", "../production", "--to", "local"],
      code: 2,
      says: "../production",
    },
    {
      what: "a database without backups",
      args: ["fetch-latest-db", "--from", "other"],
      code: 10,
      says: "other",
    },
    {
      what: "a target that is not configured",
      args: ["restore", "20010101T000000Z-aaaaaa", "--to", "elsewhere"],
      code: 2,
      says: "elsewhere",
    },
    { what: "no workers", args: ["fetch-latest-db", "--jobs", "0"], code: 2, says: "--jobs" },
  ])(
    "$what ends with $code, before anything is touched",
    async ({ args, code, says }, { shop, local, dataops }) => {
      await local.create();
      const environment = laptopEnvironment(shop.folder, local);
      const ended = await dataops.run([...args, "--yes"], { environment });
      expect(ended, ended.stderr).toMatchObject({ code, stdout: "" });
      expectOneLine(ended);
      expect(ended.stderr).toContain(says);
      const asJson = await dataops.run([...args, "--yes", "--json"], { environment });
      expect(asJson.json()).toMatchObject({ error: { code } });
      expect(asJson.code).toBe(code);
      expect(await local.content()).toBe(BEFORE);
      expect(await local.family()).toEqual([local.name]);
    },
  );

  test("where there is no backup yet it ends with 10", async ({ local, dataops }) => {
    const environment = laptopEnvironment(await temporaryFolder("storage"), local);
    const ended = await dataops.run(["fetch-latest-db"], { environment });
    expect(ended, ended.stderr).toMatchObject({ code: 10, stdout: "" });
    expectOneLine(ended);
    expect(await local.family()).toEqual([]);
  });
});

test("as many workers load as are configured, unless --jobs says otherwise", async ({
  shop,
  local,
  dataops,
}) => {
  const log = join(await temporaryFolder("clients"), "arguments");
  const { programs = "" } = shop.database.server;
  const [real] = await discoverTools({ DATAOPS_POSTGRES_BIN: programs });
  await using clients = await fakePrograms(real?.version ?? "", {
    pg_restore: `echo "$@" >>'${log}'; exec '${join(programs, "pg_restore")}' "$@"`,
  });
  const environment = laptopEnvironment(shop.folder, local, { DATAOPS_POSTGRES_BIN: clients.directory });
  const config = laptopConfig({ jobs: 3, template: false });
  const configured = await dataops.run(["fetch-latest-db"], { environment, config });
  expect(configured, configured.stderr).toMatchObject({ code: 0 });
  const told = await dataops.run(["fetch-latest-db", "--yes", "--jobs", "2"], { environment, config });
  expect(told, told.stderr).toMatchObject({ code: 0 });
  expect((await readFile(log, "utf8")).match(/--jobs=\d+/g)).toEqual(["--jobs=3", "--jobs=2"]);
});

/** Requests for bytes of an archive. */
function archiveRequests(requests: readonly ProxiedRequest[]): string[] {
  return requests
    .filter(({ operation, url }) => operation === "GetObject" && url.includes("/archive.dump.zst"))
    .map(({ url }) => url);
}

/** So much of the beginning of `id` as none of the others shares. */
function shortestPrefix(id: string, others: readonly string[]): string {
  let length = 4;
  while (others.some((other) => other.startsWith(id.slice(0, length)))) length += 1;
  return id.slice(0, length);
}
