import { join } from "node:path";
import { describe, expect } from "vitest";
import {
  BARRIER_MEGABYTES,
  createBarrier,
  createBulk,
  waitingSessionsOf,
} from "../../support/e2e-database.ts";
import { ARCHIVE_CONFIG, environmentOf, expectNothing, expectOneLine, test } from "../../support/e2e-test.ts";
import { fakePrograms } from "../../support/fake-program.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { startS3Proxy } from "../../support/s3-proxy.ts";

describe("the dump", () => {
  test("ended by the server after bytes went up: nothing appears", async ({ database, bucket, dataops }) => {
    const barrier = await createBarrier(database, BARRIER_MEGABYTES);
    const observer = await database.connect();
    const backup = await dataops.start(["backup"], { environment: environmentOf(database, bucket) });
    await backup.until("a part has arrived", async () => (await bucket.uploadedBytes()) > 1_000_000);
    let waiting: { pid: number }[] = [];
    await backup.until("the dump has come to the barrier", async () => {
      waiting = await waitingSessionsOf(database, observer);
      return waiting.length > 0;
    });
    await observer.query("SELECT pg_terminate_backend($1)", [waiting[0]?.pid]);
    const ended = await backup.exited;
    await barrier.release();

    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toContain("pg_dump");
    await expectNothing(bucket);
  });

  test("that closes its output and then fails: the upload is never completed", async ({
    database,
    bucket,
    dataops,
  }) => {
    await using programs = await fakePrograms("15.99", {
      pg_dump: "head -c 12000000 /dev/urandom; exec 1>&-; echo 'pg_dump: error: lost it all' >&2; exit 1",
      // Content with anything: only the exit code of pg_dump tells.
      pg_restore: "cat >/dev/null",
    });
    await using proxy = await startS3Proxy(bucket.server.endpoint, () => undefined);
    const ended = await dataops.run(["backup"], {
      environment: environmentOf(database, bucket, {
        ...programs.environment,
        AWS_ENDPOINT_URL_S3: proxy.endpoint,
      }),
    });

    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("lost it all");
    const operations = proxy.requests.map(({ operation }) => operation);
    expect(operations, "bytes went up").toContain("UploadPart");
    expect(operations).not.toContain("CompleteMultipartUpload");
    await expectNothing(bucket);
  });

  test("cut short, though pg_dump says it went well: found by reading it", async ({
    database,
    bucket,
    dataops,
  }) => {
    await createBulk(await database.connect(), 1);
    const real = database.server.programs ?? "";
    await using programs = await fakePrograms("15.99", {
      pg_dump: `'${join(real, "pg_dump")}' "$@" | head -c 500000`,
      pg_restore: `exec '${join(real, "pg_restore")}' "$@"`,
    });
    const ended = await dataops.run(["backup"], {
      environment: environmentOf(database, bucket, programs.environment),
      config: ARCHIVE_CONFIG,
    });

    expect(ended, ended.stderr).toMatchObject({ code: 14, stdout: "" });
    expectOneLine(ended);
    await expectNothing(bucket);
  });

  test("of a server newer than every client is not even tried", async ({
    postgresEmbedded,
    postgres15,
    bucket,
    dataops,
  }) => {
    await using proxy = await startS3Proxy(bucket.server.endpoint, () => undefined);
    const ended = await dataops.run(["backup"], {
      environment: {
        ...bucket.environment,
        AWS_ENDPOINT_URL_S3: proxy.endpoint,
        DATABASE_URL: urlFor(postgresEmbedded, "postgres"),
        DATAOPS_POSTGRES_BIN: postgres15.programs ?? "",
      },
    });

    expect(ended, ended.stderr).toMatchObject({ code: 17, stdout: "" });
    expectOneLine(ended);
    for (const named of [/\bPostgreSQL 18\b/, /\b15\.\d/, /postgresql-client-18/])
      expect(ended.stderr).toMatch(named);
    expect(proxy.requests).toEqual([]);
  });
});
