import { readdir } from "node:fs/promises";
import { describe, expect } from "vitest";
import { createTestBucket } from "../../support/e2e-bucket.ts";
import { createBulk, sessionsOf } from "../../support/e2e-database.ts";
import { backupKeys, environmentOf, expectNothing, expectOneLine, test } from "../../support/e2e-test.ts";
import {
  startS3Proxy,
  type Fault,
  type FaultRule,
  type Operation,
  type ProxiedRequest,
} from "../../support/s3-proxy.ts";
import { sharedS3 } from "../../support/shared-servers.ts";

/** Six parts of 5 MiB. */
const SIX_PARTS = 28;

const CONFIG = {
  storage: { url: "${DATAOPS_STORAGE}" },
  databases: { production: { url: "${DATABASE_URL}", environment: "production" } },
};

const internalError = { kind: "answer", status: 500, code: "InternalError" } as const;
const slowDown = { kind: "answer", status: 503, code: "SlowDown" } as const;
const notImplemented = { kind: "answer", status: 501, code: "NotImplemented" } as const;
const lateError = { kind: "answer", status: 200, code: "InternalError" } as const;
const expiredToken = { kind: "answer", status: 403, code: "ExpiredToken" } as const;

function onParts(fault: Fault): FaultRule {
  return ({ operation }) => (operation === "UploadPart" ? fault : undefined);
}

/** Most of their time the retries wait: so they wait side by side. */
describe.concurrent("a storage that goes on failing", () => {
  test.for<[string, { code: number; says: RegExp; megabytes: number; rule: FaultRule }]>([
    ["answers 500", { code: 16, says: /InternalError|500/, megabytes: 12, rule: onParts(internalError) }],
    ["asks to slow down", { code: 16, says: /slow down/, megabytes: 12, rule: onParts(slowDown) }],
    [
      "resets connections in the middle of parts",
      {
        code: 16,
        says: /part \d/,
        megabytes: 12,
        rule: onParts({ kind: "reset-request", afterBytes: 3_000_000 }),
      },
    ],
    [
      "answers a completion with 200 and an error in the body",
      {
        code: 16,
        says: /complet/,
        megabytes: 12,
        rule: ({ operation }) => (operation === "CompleteMultipartUpload" ? lateError : undefined),
      },
    ],
    [
      "takes no token after part 3",
      {
        code: 16,
        says: /expired/,
        megabytes: SIX_PARTS,
        rule: ({ operation, partNumber = 0 }) =>
          operation === "UploadPart" && partNumber > 3 ? expiredToken : undefined,
      },
    ],
  ])(
    "%s: tried a few times, and nothing appears",
    async ([, { code, says, megabytes, rule }], { database, bucket, dataops }) => {
      await createBulk(await database.connect(), megabytes);
      const faulty: ProxiedRequest[] = [];
      await using proxy = await startS3Proxy(bucket.server.endpoint, (request) => {
        const fault = rule(request);
        if (fault !== undefined) faulty.push(request);
        return fault;
      });
      const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
      const ended = await dataops.run(["backup"], { environment });

      expect(ended, ended.stderr).toMatchObject({ code, stdout: "" });
      expectOneLine(ended);
      expect(ended.stderr).toMatch(says);
      const tries = Math.max(
        ...[...Map.groupBy(faulty, ({ url }) => url).values()].map(({ length }) => length),
      );
      expect(tries).toBeGreaterThan(2);
      expect(tries).toBeLessThan(10);
      await expectNothing(bucket);
    },
  );

  test("stalls: given up after the limit, and nothing appears", async ({ database, bucket, dataops }) => {
    await createBulk(await database.connect(), 48);
    await using proxy = await startS3Proxy(bucket.server.endpoint, onParts({ kind: "stall" }));
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    const config = { ...CONFIG, backup: { production: { stallTimeout: "3s" } } };
    const ended = await dataops.run(["backup"], { environment, config });

    expect(ended, ended.stderr).toMatchObject({ code: 16, stdout: "" });
    expect(ended.stderr).toContain("the storage took nothing for 3 s");
    await expectNothing(bucket);
  });

  test("answers nothing at all, and SIGTERM comes: ended all the same", async ({
    database,
    bucket,
    dataops,
    expect: expectHere,
  }) => {
    await createBulk(await database.connect(), 48);
    const observer = await database.connect();
    const told = { isDead: false };
    await using proxy = await startS3Proxy(bucket.server.endpoint, ({ operation }) => {
      told.isDead ||= operation === "UploadPart";
      return told.isDead ? { kind: "stall" } : undefined;
    });
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    const backup = await dataops.start(["backup"], { environment });
    await backup.until("a part is on its way", () => told.isDead);
    const signalled = performance.now();
    backup.kill("SIGTERM");
    const ended = await backup.exited;

    expect(ended, ended.stderr).toMatchObject({ code: 143, signal: null, stdout: "" });
    expect(performance.now() - signalled).toBeLessThan(26_000);
    expect(await readdir(backup.temporary)).toEqual([]);
    // The test's own `expect`: others run beside it.
    await expectHere.poll(() => sessionsOf(database, observer), { timeout: 5_000 }).toEqual([]);
    // The upload cannot be aborted in a storage that is not there; nothing of it is visible.
    expect(await backupKeys(bucket)).toEqual(["dataops.json"]);
  });
});

describe.concurrent("a storage that fails for a while", () => {
  test.for<[string, FaultRule]>([
    ["once with each kind of request", ({ count }) => (count === 1 ? internalError : undefined)],
    ["twice with its parts", (request) => (isEarly(request, "UploadPart", 2) ? slowDown : undefined)],
    [
      "with a part cut short",
      (request) =>
        isEarly(request, "UploadPart", 1) ? { kind: "reset-request", afterBytes: 1_000_000 } : undefined,
    ],
    [
      "and loses the answer to the upload's beginning",
      (request) => (isEarly(request, "CreateMultipartUpload", 1) ? { kind: "lose-answer" } : undefined),
    ],
    [
      "and loses the answer to the completion",
      (request) => (isEarly(request, "CompleteMultipartUpload", 1) ? { kind: "lose-answer" } : undefined),
    ],
    ["and loses the answer to the manifest", onceOnManifest({ kind: "lose-answer" })],
  ])("%s: the backup is made", async ([, rule], { database, bucket, dataops }) => {
    await createBulk(await database.connect(), 12);
    await using proxy = await startS3Proxy(bucket.server.endpoint, rule);
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    const ended = await dataops.run(["backup", "--json"], { environment });
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });

    const direct = environmentOf(database, bucket);
    const shown = await dataops.run(["show", "latest", "--json"], { environment: direct });
    expect(shown.json()).toEqual(ended.json());
    expect(await bucket.openUploads()).toEqual([]);
    // The marker, a pack, an archive and a manifest.
    expect((await backupKeys(bucket)).length).toBe(4);
  });
});

function isEarly({ operation, count }: ProxiedRequest, wanted: Operation, least: number): boolean {
  return operation === wanted && count <= least;
}

function onceOnManifest(fault: Fault): FaultRule {
  let isOver = false;
  return ({ operation, url }) => {
    if (isOver || operation !== "PutObject" || !url.includes("/manifest.json")) return undefined;
    isOver = true;
    return fault;
  };
}

test("a storage slow to begin an upload: what a quick dump wrote meanwhile is not lost", async ({
  database,
  bucket,
  dataops,
}) => {
  await using proxy = await startS3Proxy(bucket.server.endpoint, (request) =>
    isEarly(request, "CreateMultipartUpload", 3) ? slowDown : undefined,
  );
  const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
  const made = await dataops.run(["backup"], { environment });
  expect(made, made.stderr).toMatchObject({ code: 0 });
});

describe.concurrent("a storage of another vendor", () => {
  test("that answers 501 to checksum headers works with `checksums: when-required`, which its error names", async ({
    database,
    bucket,
    dataops,
  }) => {
    await createBulk(await database.connect(), 12);
    await using proxy = await startS3Proxy(bucket.server.endpoint, ({ headers }) => {
      const names = Object.keys(headers).filter((name) =>
        /^x-amz-(checksum|sdk-checksum|trailer)/.test(name),
      );
      return names.length > 0 ? notImplemented : undefined;
    });
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    const refused = await dataops.run(["backup"], { environment });
    expect(refused, refused.stderr).toMatchObject({ code: 1, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toMatch(/hint: .*checksums.* when-required/);
    await expectNothing(bucket);

    const config = { ...CONFIG, storage: { ...CONFIG.storage, checksums: "when-required" } };
    const made = await dataops.run(["backup"], { environment, config });
    expect(made, made.stderr).toMatchObject({ code: 0 });
  });

  test("that allows few parts gets larger ones", async ({ database, bucket, dataops }) => {
    const maxParts = 3;
    await createBulk(await database.connect(), SIX_PARTS);
    await using proxy = await startS3Proxy(bucket.server.endpoint, ({ partNumber = 0 }) =>
      partNumber > maxParts ? { kind: "answer", status: 400, code: "InvalidArgument" } : undefined,
    );
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    const refused = await dataops.run(["backup"], { environment });
    expect(refused, refused.stderr).toMatchObject({ code: 1 });
    await expectNothing(bucket);

    const config = { ...CONFIG, storage: { ...CONFIG.storage, maxParts } };
    const made = await dataops.run(["backup"], { environment, config });
    expect(made, made.stderr).toMatchObject({ code: 0 });
  });

  test("that ignores If-None-Match is named", async ({ database, dataops }) => {
    const bucket = await createTestBucket(await sharedS3("fauxqs"));
    const made = await dataops.run(["backup"], { environment: environmentOf(database, bucket) });
    expect(made, made.stderr).toMatchObject({ code: 0 });
    expect(made.stderr).toMatch(/warning: .*no real conditional writes/);
    expect(made.stderr).toMatch(/a lock in the database holds the job/);
    expect(await backupKeys(bucket)).toHaveLength(3);
    expect((await bucket.keys()).filter((key) => key.startsWith("locks/"))).toEqual([]);
    await bucket.drop();
  });
});
