import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { TestBucket } from "../support/e2e-bucket.ts";
import { createBulk } from "../support/e2e-database.ts";
import { environmentOf, readRuns, test } from "../support/e2e-test.ts";
import type { TestDatabase } from "../support/postgres-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const LONG = 120_000;

/** A slot has just been, whenever that is, so that a daemon runs at its start. */
const HOURLY = { schedule: "0 * * * *", format: "archive" };

/** Each on a port of its own. */
function daemonEnvironment(database: TestDatabase, bucket: TestBucket): Record<string, string> {
  return environmentOf(database, bucket, { PORT: "0" });
}

function configWith(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    storage: "${DATAOPS_STORAGE}",
    databases: { production: { url: "${DATABASE_URL}", environment: "production" } },
    backup: { production: HOURLY },
    ...changes,
  };
}

describe("dataops daemon", () => {
  test(
    "of two replicas and a task for the same slot one runs, and all go on",
    { timeout: LONG },
    async ({ database, bucket, dataops }) => {
      await createBulk(await database.connect(), 2);
      const environment = daemonEnvironment(database, bucket);
      const config = configWith();
      const slot = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString();
      const replicas = [
        await dataops.start(["daemon"], { environment, config }),
        await dataops.start(["daemon"], { environment, config }),
      ];
      const task = await dataops.run(["backup", "--slot", slot], { environment, config });
      expect([0, 11]).toContain(task.code);
      for (const replica of replicas) {
        const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(replica.stderr())?.[0] ?? "";
        await replica.until("it has run, or seen another run", () =>
          /backup production: /.test(replica.stderr()),
        );
        expect((await fetch(`${origin}/freshness`)).status).toBe(200);
        expect(await (await fetch(`${origin}/metrics`)).text()).toContain(
          'dataops_backup_last_success_timestamp_seconds{database="production"}',
        );
        replica.kill("SIGTERM");
      }
      for (const replica of replicas) {
        const ended = await replica.exited;
        expect(ended, ended.stderr).toMatchObject({ code: 143 });
        expect(ended.took).toBeLessThan(LONG);
      }
      const { runs } = await readRuns(bucket);
      expect(runs.map(({ state, slot: of }) => [state, of])).toEqual([["done", slot]]);
    },
  );

  test(
    "SIGTERM in the middle of a run ends it, and gives the job back",
    { timeout: LONG },
    async ({ database, bucket, dataops }) => {
      await createBulk(await database.connect(), 30);
      const environment = daemonEnvironment(database, bucket);
      const daemon = await dataops.start(["daemon"], { environment, config: configWith() });
      await daemon.until("a run is at work", async () =>
        (await bucket.keys()).some((key) => key.startsWith("production/runs/backup-production/")),
      );
      const asked = performance.now();
      daemon.kill("SIGTERM");
      expect(await daemon.exited).toMatchObject({ code: 143 });
      expect(performance.now() - asked).toBeLessThan(25_000);
      const { runs, lease } = await readRuns(bucket);
      expect(runs.map(({ state }) => state)).toEqual(["interrupted"]);
      expect(lease).toMatchObject({ state: "free" });
      expect(await bucket.openUploads()).toEqual([]);
    },
  );

  test(
    "a run that fails is told, and the daemon goes on; SIGHUP takes a new configuration, and refuses a wrong one",
    {
      timeout: LONG,
    },
    async ({ database, bucket, dataops }) => {
      const folder = await temporaryFolder("daemon");
      const file = join(folder, "dataops.config.yaml");
      const environment = { ...daemonEnvironment(database, bucket), DATAOPS_CONFIG: file };
      const locked = { ...HOURLY, lockWaitTimeout: "1s" };
      await writeFile(file, JSON.stringify(configWith({ backup: { production: locked } })));
      const client = await database.connect();
      await client.query("CREATE TABLE held (id int)");
      await client.query("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
      const daemon = await dataops.start(["daemon"], { environment });
      await daemon.until("a run failed", () =>
        /warning: backup production failed: .*held/.test(daemon.stderr()),
      );
      await client.query("ROLLBACK");

      await writeFile(file, "storage: 7");
      daemon.kill("SIGHUP");
      await daemon.until("it is refused", () =>
        /warning: the new configuration is refused, and the old one stays: .*storage/.test(daemon.stderr()),
      );
      const verify = { production: { schedule: "0 * * * *" } };
      await writeFile(file, JSON.stringify(configWith({ verify })));
      daemon.kill("SIGHUP");
      await daemon.until("it is taken", () => /verify production runs next at/.test(daemon.stderr()));
      daemon.kill("SIGTERM");
      expect(await daemon.exited).toMatchObject({ code: 143 });
    },
  );

  test("without a schedule has nothing to do, and says so", async ({ database, bucket, dataops }) => {
    const environment = daemonEnvironment(database, bucket);
    const ended = await dataops.run(["daemon"], { environment, config: configWith({ backup: {} }) });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^error: nothing is scheduled.*\nhint: .*schedule/);
  });
});
