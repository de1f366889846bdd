import { describe, expect } from "vitest";
import { startContainer, type Container } from "../support/container.ts";
import { createBulk } from "../support/e2e-database.ts";
import { environmentOf, readRuns } from "../support/e2e-test.ts";
import { test } from "../support/image-test.ts";
import { freePort } from "../support/ports.ts";

const LONG = 300_000;
/** What an orchestrator grants before it kills: ECS's `stopTimeout` at its default. Milliseconds. */
const GRACE = 30_000;

/** A slot has just been, whenever that is, so that a daemon runs at its start. Of `http.port` the image's `PORT` takes the place. */
const CONFIG = {
  storage: "${DATAOPS_STORAGE}",
  databases: { production: { url: "${DATABASE_URL}", environment: "production" } },
  backup: { production: { schedule: "0 * * * *", format: "archive" } },
  http: { port: 9 },
};

/** So that nobody waits for Docker's usual 30 seconds. */
const QUICK_HEALTH = ["--health-interval=1s", "--health-retries=2"];

async function expectToStop(daemon: Container): Promise<void> {
  const asked = performance.now();
  expect(await daemon.stop(), await daemon.logs()).toBe(143);
  expect(performance.now() - asked).toBeLessThan(GRACE);
}

describe("the daemon in the image", () => {
  test(
    "backs up on schedule, is healthy, and ends when it is told to",
    { timeout: LONG },
    async ({ image, database, bucket }) => {
      await createBulk(await database.connect(), 2);
      const port = await freePort();
      const environment = environmentOf(database, bucket, { PORT: String(port) });
      await using daemon = await startContainer(image.name, [], {
        environment,
        config: CONFIG,
        flags: QUICK_HEALTH,
      });
      await daemon.until("it has run", async () => /backup production: /.test(await daemon.logs()));
      await daemon.until(
        "it is healthy",
        async () => (await daemon.inspect("{{.State.Health.Status}}")) === "healthy",
      );

      const processes = await daemon.exec(["sh", "-c", "cat /proc/1/comm; stat --format=%u:%g /proc/1"]);
      expect(processes.stdout).toBe("tini\n10001:10001\n");
      expect(await daemon.inspect("{{.HostConfig.ReadonlyRootfs}}")).toBe("true");
      const version: unknown = await (await fetch(`http://127.0.0.1:${port}/__version__`)).json();
      expect(version).toMatchObject({ version: image.version, commit: image.revision });
      expect((await fetch(`http://127.0.0.1:${port}/freshness`)).status).toBe(200);
      // As a person looks, in the same container.
      expect(await daemon.exec(["dataops", "check"])).toMatchObject({ code: 0 });
      expect(await daemon.exec(["node", "/app/dist/healthcheck.js"])).toMatchObject({ code: 0 });
      const elsewhere = [`--env=PORT=${await freePort()}`];
      expect(await daemon.exec(["node", "/app/dist/healthcheck.js"], elsewhere)).toMatchObject({ code: 1 });

      await expectToStop(daemon);
      expect((await readRuns(bucket)).runs.map(({ state }) => state)).toEqual(["done"]);
      expect(await daemon.logs()).not.toMatch(/EROFS|EACCES/);
    },
  );

  test(
    "takes a run that is at work back when it is told to end",
    { timeout: LONG },
    async ({ image, database, bucket }) => {
      const client = await database.connect();
      await createBulk(client, 30);
      // A dump that cannot be done in the meantime: it waits for this lock.
      await client.query("CREATE TABLE held (id int)");
      await client.query("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
      const environment = environmentOf(database, bucket, { PORT: String(await freePort()) });
      await using daemon = await startContainer(image.name, ["daemon"], { environment, config: CONFIG });
      await daemon.until("a run is at work", async () =>
        (await bucket.keys()).some((key) => key.startsWith("production/runs/backup-production/")),
      );
      await expectToStop(daemon);
      await client.query("ROLLBACK");
      const { runs, lease } = await readRuns(bucket);
      expect(runs.map(({ state }) => state)).toEqual(["interrupted"]);
      expect(lease).toMatchObject({ state: "free" });
      expect(await bucket.openUploads()).toEqual([]);
    },
  );
});
