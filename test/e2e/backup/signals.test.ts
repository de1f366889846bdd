import { describe, expect } from "vitest";
import { BARRIER_MEGABYTES, createBarrier, createBulk, sessionsOf } from "../../support/e2e-database.ts";
import type { TestBucket } from "../../support/e2e-bucket.ts";
import { environmentOf, expectNothing, expectOneLine, readRuns, test } from "../../support/e2e-test.ts";
import { startS3Proxy } from "../../support/s3-proxy.ts";

describe("a signal", () => {
  test.for([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)(
    "%s during the dump ends everything and takes back what went up",
    async ([signal, code], { database, bucket, dataops }) => {
      const barrier = await createBarrier(database, BARRIER_MEGABYTES);
      const observer = await database.connect();
      const backup = await dataops.start(["backup"], { environment: environmentOf(database, bucket) });
      await backup.until("a part has arrived", async () => (await bucket.uploadedBytes()) > 1_000_000);
      expect(
        (await sessionsOf(database, observer)).length,
        "sessions are found by their name",
      ).toBeGreaterThan(1);
      const told = performance.now();
      backup.kill(signal);
      const ended = await backup.exited;
      expect(performance.now() - told).toBeLessThan(25_000);

      expect(ended, ended.stderr).toMatchObject({ code, signal: null, stdout: "" });
      expectOneLine(ended);
      await expectNothing(bucket);
      await expectInterrupted(bucket, code);
      // A backend that was cancelled needs a moment to be gone; the barrier still stands.
      await expect.poll(() => sessionsOf(database, observer), { timeout: 5_000 }).toEqual([]);
      await barrier.release();
    },
  );

  test.for(["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"] as const)(
    "that comes with %s: nothing appears",
    async (operation, { database, bucket, dataops }) => {
      await createBulk(await database.connect(), 12);
      const told = { stop: (): void => undefined };
      await using proxy = await startS3Proxy(bucket.server.endpoint, (request) => {
        if (request.operation === operation) told.stop();
        return undefined;
      });
      const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
      const backup = await dataops.start(["backup"], { environment });
      told.stop = () => backup.kill("SIGTERM");
      const ended = await backup.exited;

      expect(ended, ended.stderr).toMatchObject({ code: 143, signal: null, stdout: "" });
      await expectNothing(bucket);
      await expectInterrupted(bucket, 143);
    },
  );

  test("that comes with the manifest: the backup is there whole, and that is said", async ({
    database,
    bucket,
    dataops,
  }) => {
    const told = { stop: (): void => undefined };
    await using proxy = await startS3Proxy(bucket.server.endpoint, ({ operation, url }) => {
      if (operation === "PutObject" && url.includes("manifest.json")) told.stop();
      return undefined;
    });
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    const backup = await dataops.start(["backup"], { environment });
    told.stop = () => backup.kill("SIGTERM");
    const ended = await backup.exited;

    expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null });
    expect(await dataops.run(["show", "latest"], { environment })).toMatchObject({ code: 0 });
  });
});

/** The run said how it ended, and gave its job back. */
async function expectInterrupted(bucket: TestBucket, code: 130 | 143): Promise<void> {
  const exit = code === 143 ? "terminated" : "interrupted";
  const { runs, lease } = await readRuns(bucket);
  expect(runs).toMatchObject([{ state: "interrupted", exit }]);
  expect(lease).toMatchObject({ state: "free", holder: { run: runs[0]?.id }, unsettled: [] });
}
