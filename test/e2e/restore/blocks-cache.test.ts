import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { openS3Storage } from "../../../src/storage/s3.ts";
import { storeBlockBackup } from "../../support/block-backups.ts";
import type { TestBucket } from "../../support/e2e-bucket.ts";
import { BEFORE, test, type LocalDatabase } from "../../support/e2e-laptop.ts";
import type { TestDatabase } from "../../support/postgres-test.ts";
import { startS3Proxy, type Fault, type ProxiedRequest } from "../../support/s3-proxy.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const FETCH = ["fetch-latest-db", "--yes", "--force", "--json"];
/** With a template the second fetch would be a copy, and read nothing at all. */
const WITHOUT_TEMPLATE = {
  storage: "${DATAOPS_STORAGE}",
  databases: { local: { url: "${LOCAL_DATABASE_URL}", environment: "development" } },
  restore: { local: { template: false } },
};
const STALL = { kind: "stall-answer", afterBytes: 1000 } as const satisfies Fault;
const ROWS = 60_000;

/** Some 15 MB of blocks that hardly become smaller, in packs of 3 MB. */
async function stored(database: TestDatabase, bucket: TestBucket): Promise<Manifest> {
  const client = await database.connect();
  await client.query(`CREATE TABLE notes AS
    SELECT id, (SELECT string_agg(md5(id::text || part), '') FROM generate_series(1, 12) AS part) AS note
      FROM generate_series(1, ${ROWS}) AS id`);
  const { endpoint, region, accessKeyId, secretAccessKey } = bucket.server;
  const credentials = { accessKeyId, secretAccessKey };
  const storage = openS3Storage({ bucket: bucket.name, prefix: "", endpoint, region, credentials });
  onTestFinished(() => storage.close());
  return await storeBlockBackup(storage, database, { pages: 32, packSize: 3_000_000 });
}

/** A part of a pack that was asked for; not the list of blocks. */
interface Part {
  pack: string;
  start: number;
  end: number;
}

function partOf({ operation, url, headers }: ProxiedRequest, manifest: Manifest): Part | undefined {
  const [, pack] = /\/packs\/([^/?]+)\.pack/.exec(url) ?? [];
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  if (operation !== "GetObject" || pack === undefined || start === undefined) return undefined;
  const part = { pack, start: Number(start), end: Number(last) + 1 };
  const isIndex = manifest.blocks?.tables.some(
    ({ index }) => index.pack === pack && index.offset === part.start,
  );
  return isIndex === true ? undefined : part;
}

function environmentOf(bucket: TestBucket, endpoint: string, local: LocalDatabase, cache: string) {
  return {
    ...bucket.environment,
    AWS_ENDPOINT_URL_S3: endpoint,
    LOCAL_DATABASE_URL: local.url,
    DATAOPS_CACHE_DIRECTORY: cache,
  };
}

async function expectRows(local: LocalDatabase): Promise<void> {
  expect(await local.query("SELECT count(*)::int FROM notes")).toEqual([{ count: ROWS }]);
}

describe("blocks on this machine", () => {
  test("a fetch that was killed goes on: no byte that came is fetched again", async ({
    database,
    bucket,
    local,
    dataops,
  }) => {
    const manifest = await stored(database, bucket);
    await local.create();
    const told = { isSlow: true };
    const parts: Part[] = [];
    // What is in the first two packs comes, and of the others nothing that counts.
    const isLate = ({ pack }: Part): boolean => Number(pack.split("-").at(-1)) > 2;
    await using proxy = await startS3Proxy(bucket.server.endpoint, (request) => {
      const part = partOf(request, manifest);
      if (part === undefined) return undefined;
      if (!told.isSlow || !isLate(part)) parts.push(part);
      return told.isSlow && isLate(part) ? STALL : undefined;
    });
    const cache = await temporaryFolder("cache");
    const environment = environmentOf(bucket, proxy.endpoint, local, cache);
    const fetch = await dataops.start(FETCH, { environment, config: WITHOUT_TEMPLATE });
    const packs = join(cache, "packs", manifest.database);
    let kept: Part[] = [];
    await fetch.until("some parts are kept, and others do not come", async () => {
      const areKept = await Promise.all(parts.map((part) => isKept(packs, part)));
      kept = parts.filter((_, index) => areKept[index]);
      return kept.length > 2 && proxy.requests.some(isStalled);
    });
    fetch.kill("SIGKILL");
    await fetch.exited;
    expect(await local.content()).toBe(BEFORE);

    told.isSlow = false;
    parts.splice(0);
    const again = await dataops.run(FETCH, { environment, config: WITHOUT_TEMPLATE });
    expect(again, again.stderr).toMatchObject({ code: 0 });
    const twice = parts.flatMap((part) => kept.filter((earlier) => areOver(part, earlier)));
    expect(parts.length).toBeGreaterThan(2);
    expect(twice).toEqual([]);
    await expectRows(local);

    function isStalled(seen: ProxiedRequest): boolean {
      const part = partOf(seen, manifest);
      return part !== undefined && isLate(part);
    }
  });

  test("a second fetch downloads no block; what went bad on the disk is fetched again", async ({
    database,
    bucket,
    local,
    dataops,
  }) => {
    const manifest = await stored(database, bucket);
    const parts: Part[] = [];
    await using proxy = await startS3Proxy(bucket.server.endpoint, (request) => {
      const part = partOf(request, manifest);
      if (part !== undefined) parts.push(part);
      return undefined;
    });
    const cache = await temporaryFolder("cache");
    const environment = environmentOf(bucket, proxy.endpoint, local, cache);
    expect(await dataops.run(FETCH, { environment, config: WITHOUT_TEMPLATE })).toMatchObject({ code: 0 });
    expect(parts.splice(0).length).toBeGreaterThan(5);
    const second = await dataops.run(FETCH, { environment, config: WITHOUT_TEMPLATE });
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect(parts).toEqual([]);
    expect(second.json()).toMatchObject({ downloaded: 0 });
    await expectRows(local);

    const folder = join(cache, "packs", manifest.database);
    const files = await readdir(folder);
    for (const file of files) {
      const content = await readFile(join(folder, file));
      const place = content.byteLength >> 1;
      content[place] = (content[place] ?? 0) ^ 1;
      await writeFile(join(folder, file), content);
    }
    const healed = await dataops.run(FETCH, { environment, config: WITHOUT_TEMPLATE });
    expect(healed, healed.stderr).toMatchObject({ code: 0 });
    expect(parts.splice(0)).toHaveLength(files.length);
    await expectRows(local);
    expect(await dataops.run(FETCH, { environment, config: WITHOUT_TEMPLATE })).toMatchObject({ code: 0 });
    expect(parts, "the cache is mended").toEqual([]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });
});

function areOver(one: Part, other: Part): boolean {
  return one.pack === other.pack && one.start < other.end && other.start < one.end;
}

/** Whether the cache has a part, to its last byte: it is written in one piece. */
async function isKept(folder: string, { pack, end }: Part): Promise<boolean> {
  const file = await readFile(join(folder, `${pack}.pack`)).catch(() => Buffer.alloc(0));
  return file.byteLength >= end && file.subarray(end - 4, end).some((byte) => byte !== 0);
}
