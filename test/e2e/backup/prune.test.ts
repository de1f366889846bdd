import { describe, expect } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { openTestStorage } from "../../support/s3-storage.ts";
import type { TestBucket } from "../../support/e2e-bucket.ts";
import { expectOneLine, test } from "../../support/e2e-test.ts";
import { startS3Proxy, type FaultRule, type S3Proxy } from "../../support/s3-proxy.ts";
import { idAt, storeBackup } from "../../support/stored-backups.ts";

const DAYS = ["2026-11-15", "2026-11-14", "2026-11-13", "2026-11-12", "2026-11-11"];

function configWith(keep: Record<string, unknown> | undefined): Record<string, unknown> {
  return {
    storage: "${DATAOPS_STORAGE}",
    databases: { production: { url: "postgres://localhost/never-asked", environment: "production" } },
    ...(keep === undefined ? {} : { backup: { production: { keep } } }),
  };
}

/** One backup at four on each day, the newest first. */
async function storeDays(bucket: TestBucket): Promise<Manifest[]> {
  const storage = openTestStorage(bucket.server, "", { bucket: bucket.name });
  const manifests: Manifest[] = [];
  for (const day of DAYS) manifests.push(await storeBackup(storage, `${day}T04:00:00.000Z`));
  await storage.close();
  return manifests;
}

/** Keys of what backups are made of: runs, leases and the marker aside. */
async function ofBackups(bucket: TestBucket): Promise<string[]> {
  const keys = await bucket.keys();
  return keys.filter((key) => /^production\/(backups|packs)\//.test(key));
}

async function proxied(
  bucket: TestBucket,
  rule: FaultRule,
): Promise<{ proxy: S3Proxy; environment: Record<string, string> }> {
  const proxy = await startS3Proxy(bucket.server.endpoint, rule);
  return { proxy, environment: { ...bucket.environment, AWS_ENDPOINT_URL_S3: proxy.endpoint } };
}

describe("dataops prune", () => {
  test("shows what it would do, and does it with --confirm", async ({ bucket, dataops }) => {
    await storeDays(bucket);
    const { environment } = bucket;
    const config = configWith({ last: 2, daily: 3 });
    const before = await ofBackups(bucket);

    const preview = await dataops.run(["prune"], { environment, config });
    expect(preview, preview.stderr).toMatchObject({ code: 0 });
    expect(preview.stdout).toMatch(
      new RegExp(
        [
          "^ID +AGE +OWN SIZE +KEPT BY",
          `${idAt("2026-11-15T04:00:00Z")} .* newest good, last, daily`,
          `${idAt("2026-11-14T04:00:00Z")} .* last, daily`,
          `${idAt("2026-11-13T04:00:00Z")} .* daily`,
          `${idAt("2026-11-12T04:00:00Z")} .* nothing: it goes`,
          `${idAt("2026-11-11T04:00:00Z")} .* nothing: it goes`,
          "",
          "would delete 2 backups: .*",
          "`dataops prune production --confirm` does it\n$",
        ].join("\n"),
      ),
    );
    expect(await ofBackups(bucket)).toEqual(before);

    const done = await dataops.run(["prune", "production", "--confirm", "--json"], { environment, config });
    expect(done, done.stderr).toMatchObject({ code: 0 });
    expect(done.json()).toMatchObject({
      database: "production",
      confirmed: true,
      deleted: { backups: 2, packs: 0, leftovers: 0 },
      warnings: [],
    });
    const listed = await dataops.run(["list", "--json"], { environment, config });
    expect(listed.json()).toMatchObject({
      backups: DAYS.slice(0, 3).map((day) => ({ id: idAt(`${day}T04:00:00Z`) })),
      unfinished: [],
    });
    expect(await ofBackups(bucket)).toHaveLength(6);
  });

  test("keeps everything where no rule is configured, and says so", async ({ bucket, dataops }) => {
    await storeDays(bucket);
    const before = await ofBackups(bucket);
    const { environment } = bucket;
    const done = await dataops.run(["prune", "--confirm"], { environment, config: configWith(undefined) });
    expect(done, done.stderr).toMatchObject({ code: 0 });
    expect(done.stdout).toContain("no backup.production.keep is configured: every backup is kept");
    expect(await ofBackups(bucket)).toEqual(before);
  });

  test("refuses to delete more than half of the good backups, and names the flag", async ({
    bucket,
    dataops,
  }) => {
    await storeDays(bucket);
    const before = await ofBackups(bucket);
    const { environment } = bucket;
    const config = configWith({ last: 2 });
    const preview = await dataops.run(["prune"], { environment, config });
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.stdout).toContain("that is 3 of 5 good backups: more than half");
    const refused = await dataops.run(["prune", "--confirm"], { environment, config });
    expect(refused).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toContain("--allow-many");
    expect(await ofBackups(bucket)).toEqual(before);
    const done = await dataops.run(["prune", "--confirm", "--allow-many"], { environment, config });
    expect(done).toMatchObject({ code: 0 });
    expect(await ofBackups(bucket)).toHaveLength(4);
  });

  test("by a writer without permission to delete is one clear warning, exit 3", async ({
    bucket,
    dataops,
  }) => {
    await storeDays(bucket);
    const before = await ofBackups(bucket);
    const { proxy, environment } = await proxied(bucket, ({ operation }) =>
      operation === "DeleteObject" ? { kind: "answer", status: 403, code: "AccessDenied" } : undefined,
    );
    await using _proxy = proxy;
    const done = await dataops.run(["prune", "--confirm"], { environment, config: configWith({ last: 3 }) });
    expect(done).toMatchObject({ code: 3 });
    expect(done.stderr).toMatch(/^warning: nothing was deleted, since the storage does not permit it: .*\n$/);
    expect(await ofBackups(bucket)).toEqual(before);
  });

  test("that is told to end ends soon, with 143, and leaves whole backups", async ({ bucket, dataops }) => {
    await storeDays(bucket);
    // The first deletion passes, the others are never answered.
    const { proxy, environment } = await proxied(bucket, ({ operation, count }) =>
      operation === "DeleteObject" && count > 1 ? { kind: "stall" } : undefined,
    );
    await using _proxy = proxy;
    const config = configWith({ last: 3 });
    await using run = await dataops.start(["prune", "--confirm"], { environment, config });
    await run.until("a deletion waits", () =>
      proxy.requests.some(({ operation, count }) => operation === "DeleteObject" && count > 1),
    );
    const told = performance.now();
    run.kill("SIGTERM");
    const ended = await run.exited;
    expect(ended).toMatchObject({ code: 143 });
    expect(performance.now() - told).toBeLessThan(25_000);

    const listed = await dataops.run(["list", "--json"], { environment: bucket.environment, config });
    expect(listed.json()).toMatchObject({ unreadable: [] });
    expect(
      (await bucket.keys()).filter((key) => key.endsWith("manifest.json")).length,
    ).toBeGreaterThanOrEqual(3);
    // The next one finishes what it may: the archive without a manifest is too young for it.
    const next = await dataops.run(["prune", "--confirm", "--json"], {
      environment: bucket.environment,
      config,
    });
    expect(next).toMatchObject({ code: 0 });
    expect((await bucket.keys()).filter((key) => key.endsWith("manifest.json"))).toHaveLength(3);
  });
});
