import { describe, expect, onTestFinished } from "vitest";
import type { Manifest } from "../../../src/repository/manifest.ts";
import type { DataopsExit } from "../../support/dataops-process.ts";
import { BARRIER_MEGABYTES, createBarrier, createBulk } from "../../support/e2e-database.ts";
import {
  ARCHIVE_CONFIG,
  backupKeys,
  environmentOf,
  expectNothing,
  expectOneLine,
  readRuns,
  test,
} from "../../support/e2e-test.ts";
import { startS3Proxy } from "../../support/s3-proxy.ts";

/** As `DATAOPS_LEASE_DURATION` takes it, and in milliseconds. */
const LEASE = "2s";
const LEASE_DURATION = 2_000;

describe("a run that was stopped", () => {
  test("for three lease times, and goes on: it publishes nothing", async ({ database, bucket, dataops }) => {
    const barrier = await createBarrier(database, BARRIER_MEGABYTES);
    const environment = environmentOf(database, bucket, { DATAOPS_LEASE_DURATION: LEASE });
    const config = ARCHIVE_CONFIG;
    const stopped = await dataops.start(["backup"], { environment, config });
    await stopped.until("a part has arrived", async () => (await bucket.uploadedBytes()) > 1_000_000);
    stopped.kill("SIGSTOP");
    onTestFinished(() => stopped.kill("SIGCONT"));
    const since = performance.now();
    await barrier.release();

    const next = await dataops.run(["backup"], { environment, config });
    expect(next, next.stderr).toMatchObject({ code: 0 });
    expect(next.stderr).toMatch(/held by run .* waiting to see whether it is alive, 2 s at most/);
    expect(next.stderr).toMatch(/warning: .*run .* of backup production was lost/);
    const keys = await backupKeys(bucket);
    await expect
      .poll(() => performance.now() - since, { timeout: 10 * LEASE_DURATION })
      .toBeGreaterThan(3 * LEASE_DURATION);
    stopped.kill("SIGCONT");

    const woken = await stopped.exited;
    expect(woken, woken.stderr).toMatchObject({ code: 15, stdout: "" });
    expectOneLine(woken);
    expect(woken.stderr).toMatch(/error: .*lost its hold on the job/);
    expect(await backupKeys(bucket), "it changed nothing").toEqual(keys);
    expect(await bucket.openUploads()).toEqual([]);
    const listed = await dataops.run(["list", "--json"], { environment });
    expect(listed.json()).toMatchObject({ backups: [{ database: "production" }], unreadable: [] });
    const { runs, lease } = await readRuns(bucket);
    expect(runs.map(({ state }) => state)).toEqual(["lost", "done"]);
    expect(lease).toMatchObject({ state: "free", generation: 2, unsettled: [] });
  });

  test("just before its manifest, and goes on: the manifest finds its place taken", async ({
    database,
    bucket,
    dataops,
  }) => {
    await createBulk(await database.connect(), 6);
    const told = { stop: (): void => undefined, hasStopped: false };
    // The first try comes to nothing; the next one is made by the process that was stopped meanwhile.
    await using proxy = await startS3Proxy(bucket.server.endpoint, ({ operation, url }) => {
      if (operation === "PutObject" && url.includes("manifest.json") && !told.hasStopped) {
        told.hasStopped = true;
        told.stop();
        return { kind: "answer", status: 503, code: "SlowDown" };
      }
      return undefined;
    });
    const direct = environmentOf(database, bucket, { DATAOPS_LEASE_DURATION: LEASE });
    const environment = { ...direct, AWS_ENDPOINT_URL_S3: proxy.endpoint };
    const stopped = await dataops.start(["backup"], { environment });
    told.stop = () => stopped.kill("SIGSTOP");
    onTestFinished(() => stopped.kill("SIGCONT"));
    await stopped.until("its manifest was on its way", () => told.hasStopped);

    const next = await dataops.run(["backup", "--json"], { environment: direct });
    expect(next, next.stderr).toMatchObject({ code: 0 });
    stopped.kill("SIGCONT");
    const woken = await stopped.exited;
    expect(woken, woken.stderr).toMatchObject({ code: 15, stdout: "" });
    const shown = await dataops.run(["show", "latest", "--json"], { environment: direct });
    expect(shown.json()).toEqual(next.json());
    const listed = await dataops.run(["list", "--json"], { environment: direct });
    expect(listed.json()).toMatchObject({ backups: [expect.anything()], unreadable: [] });
    const { runs } = await readRuns(bucket);
    expect(runs.map(({ state }) => state)).toEqual(["lost", "done"]);
    // What it had stored is the next one's now: the one that woke up must not take it away.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the test looks at
    const { id, blocks } = next.json() as Manifest;
    expect(blocks?.packs.map(({ name }) => name)).toContain(`${runs[0]?.id}-1`);
    const exported = await dataops.run(["export", id], { environment: direct });
    expect(exported, exported.stderr).toMatchObject({ code: 0 });
  });
});

test("a run that was killed during its dump: exactly one new run, which clears and tells", async ({
  database,
  bucket,
  dataops,
}) => {
  const barrier = await createBarrier(database, BARRIER_MEGABYTES);
  const environment = environmentOf(database, bucket, { DATAOPS_LEASE_DURATION: LEASE });
  const args = ["backup", "--slot", "2026-11-21T04:00:00Z"];
  const killed = await dataops.start(args, { environment, config: ARCHIVE_CONFIG });
  await killed.until("a part has arrived", async () => (await bucket.uploadedBytes()) > 1_000_000);
  killed.kill("SIGKILL");
  await killed.exited;
  await barrier.release();
  expect(await bucket.openUploads()).toHaveLength(1);

  // The restarted task, and another scheduler that made up for the same slot.
  const both = await Promise.all(
    [1, 2].map(() => dataops.run(args, { environment, config: ARCHIVE_CONFIG })),
  );
  expect(codesOf(both), both.map(({ stderr }) => stderr).join("\n")).toEqual([0, 11]);
  expect(both.find(({ code }) => code === 0)?.stderr).toMatch(/warning: run .* was lost/);
  expect(await bucket.openUploads()).toEqual([]);
  const { runs, lease } = await readRuns(bucket);
  expect(runs.map(({ state, slot }) => [state, slot])).toEqual([
    ["lost", "2026-11-21T04:00:00.000Z"],
    ["done", "2026-11-21T04:00:00.000Z"],
  ]);
  expect(lease).toMatchObject({ state: "free", unsettled: [] });
});

test("of processes that are started for one slot at once, one runs", async ({
  database,
  bucket,
  dataops,
}) => {
  await createBulk(await database.connect(), 6);
  const environment = environmentOf(database, bucket);
  const args = ["backup", "--slot", "2026-11-21T05:00:00+01:00", "--json"];
  const all = await Promise.all([1, 2, 3].map(() => dataops.run(args, { environment })));
  expect(codesOf(all), all.map(({ stdout }) => stdout).join("\n")).toEqual([0, 11, 11]);
  const losers = all.filter(({ code }) => code === 11).map((exit) => exit.json());
  expect(losers).toMatchObject(losers.map(() => ({ error: { exit: "busy", code: 11 } })));
  const { runs } = await readRuns(bucket);
  expect(runs).toMatchObject([{ state: "done", slot: "2026-11-21T04:00:00.000Z" }]);
});

test("a storage where locks may not be written is one clear error", async ({ database, bucket, dataops }) => {
  await using proxy = await startS3Proxy(bucket.server.endpoint, ({ method, url }) =>
    method === "PUT" && url.includes("/locks/")
      ? { kind: "answer", status: 403, code: "AccessDenied" }
      : undefined,
  );
  const environment = environmentOf(database, bucket, { AWS_ENDPOINT_URL_S3: proxy.endpoint });
  const ended = await dataops.run(["backup"], { environment });
  expect(ended, ended.stderr).toMatchObject({ code: 12, stdout: "" });
  expectOneLine(ended);
  expect(ended.stderr).toMatch(/error: writing locks\//);
  await expectNothing(bucket);
});

test.for(["yesterday", "2026-11-21T04:00:00", "2026-13-21T04:00:00Z"])(
  "--slot %s is no instant",
  async (slot, { database, bucket, dataops }) => {
    const ended = await dataops.run(["backup", "--slot", slot], {
      environment: environmentOf(database, bucket),
    });
    expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
    expectOneLine(ended);
    expect(await bucket.keys()).toEqual([]);
  },
);

/** In ascending order. */
function codesOf(exits: readonly DataopsExit[]): number[] {
  return exits.map(({ code }) => code ?? -1).toSorted((left, right) => left - right);
}
