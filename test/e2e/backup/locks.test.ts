import { describe, expect } from "vitest";
import {
  BARRIER_MEGABYTES,
  createBarrier,
  sessionsOf,
  waitingSessionsOf,
} from "../../support/e2e-database.ts";
import { environmentOf, expectNothing, expectOneLine, test } from "../../support/e2e-test.ts";
import { startS3Proxy } from "../../support/s3-proxy.ts";

describe("a lock", () => {
  const settings = { backup: { production: { lockWaitTimeout: "2s" } } };
  const config = {
    storage: { url: "${DATAOPS_STORAGE}" },
    databases: { production: { url: "${DATABASE_URL}", environment: "production" } },
    ...settings,
  };

  test.for([
    ["a table", "CREATE TABLE orders (id int)", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"],
    [
      "a table with an odd name",
      `CREATE TABLE "orders" (id int); CREATE TABLE "or'd ""er\ns" (id int)`,
      `LOCK TABLE "or'd ""er\ns" IN ACCESS EXCLUSIVE MODE`,
    ],
    ["a sequence", "CREATE SEQUENCE orders", "ALTER SEQUENCE orders RENAME TO renamed"],
  ] as const)(
    "on %s ends the wait in time, and names it and its holder",
    async ([, create, lock], { database, bucket, dataops }) => {
      const holder = await database.connect();
      await holder.query(create);
      await holder.query("BEGIN");
      await holder.query(lock);
      const [session] = await holder.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      const observer = await database.connect();

      const backup = await dataops.start(["backup"], {
        environment: environmentOf(database, bucket),
        config,
      });
      await backup.until(
        "a session of it waits",
        async () => (await waitingSessionsOf(database, observer)).length > 0,
      );
      const waitingSince = performance.now();
      const ended = await backup.exited;
      expect(performance.now() - waitingSince).toBeLessThan(4_000);
      await holder.query("ROLLBACK");

      expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: "" });
      expectOneLine(ended);
      expect(ended.stderr).toMatch(/public\.or/);
      expect(ended.stderr).toContain(`process ${session?.pid} `);
      await expectNothing(bucket);
      expect(await sessionsOf(database, observer)).toEqual([]);
    },
  );

  test("met in the middle of the dump takes back what went up", async ({ database, bucket, dataops }) => {
    const barrier = await createBarrier(database, BARRIER_MEGABYTES);
    await using proxy = await startS3Proxy(bucket.server.endpoint, () => undefined);
    const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
    // Long enough for a part to have gone up when it is over.
    const patient = { ...config, backup: { production: { lockWaitTimeout: "6s" } } };
    const ended = await dataops.run(["backup"], { environment, config: patient });
    await barrier.release();

    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("pg_largeobject");
    expect(proxy.requests.map(({ operation }) => operation)).toContain("UploadPart");
    await expectNothing(bucket);
  });
});
