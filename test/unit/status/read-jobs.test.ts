import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { stampOf } from "../../../src/repository/backup-id.ts";
import type { Job } from "../../../src/repository/job.ts";
import { leaseKey, runKey } from "../../../src/repository/keys.ts";
import { serializeLease } from "../../../src/schedule/lease-record.ts";
import { readJobs } from "../../../src/status/read-jobs.ts";
import { stateOf } from "../../../src/status/run-state.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { hoursAgo, NOW } from "../../support/status-facts.ts";
import { storeRun } from "../../support/stored-history.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const BACKUP: Job = { kind: "backup", name: "production", database: "production" };
const REINDEX: Job = { kind: "reindex", name: "products", database: "production" };

let storage: Storage;

beforeEach(async () => {
  storage = openFileStorage(join(await temporaryFolder("jobs"), "storage"));
});

test("the newest runs of all jobs in the database's folder, and what cannot be read of them", async () => {
  await storeRun(storage, REINDEX, hoursAgo(1), {
    state: "failed",
    exit: "reindexFailed",
    message: "no room",
  });
  for (const hours of [2, 6, 10, 14, 18, 22]) await storeRun(storage, BACKUP, hoursAgo(hours));
  const broken = runKey(BACKUP, `${stampOf(hoursAgo(3))}-broken`);
  await storage.put(broken, Buffer.from("{}"));
  // What is not ours, or of a newer version.
  for (const key of ["notes.txt", `lunch-production/${stampOf(hoursAgo(3))}-k3v9qa.json`])
    await storage.put(`production/runs/${key}`, Buffer.from("{}"));

  const jobs = await readJobs(storage, "production");
  expect(jobs.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["backup production", "reindex products"]);
  const [backup, reindex] = jobs;
  // The newest five, of which one cannot be read.
  expect(backup?.runs.map(({ started }) => started)).toEqual([2, 6, 10, 14].map(hoursAgo));
  expect(backup?.unreadable).toEqual([broken]);
  expect(reindex?.runs).toMatchObject([
    { state: "failed", exit: "reindexFailed", message: "no room", heldUntil: undefined },
  ]);
});

test("runs of the same second are in the order in which they started", async () => {
  const second = "2026-11-21T04:00:00";
  for (const [tail, millisecond] of [
    ["zzzzzz", "100"],
    ["aaaaaa", "900"],
    ["mmmmmm", "500"],
  ]) {
    const started = `${second}.${millisecond}Z`;
    await storeRun(storage, BACKUP, started, { id: `${stampOf(started)}-${tail}` });
  }
  const [backup] = await readJobs(storage, "production");
  expect(backup?.runs.map(({ id }) => id.slice(-6))).toEqual(["aaaaaa", "mmmmmm", "zzzzzz"]);
});

describe("a run that says it is running", () => {
  const running = { state: "running", ended: null, exit: null } as const;

  async function storeLease(state: "held" | "free", run: string, expires: string): Promise<void> {
    const holder = { run, host: "x", pid: 1, since: hoursAgo(1), slot: null };
    const lease = {
      format: 1,
      generation: 1,
      state,
      holder,
      renewed: hoursAgo(1),
      expires,
      renewals: 0,
    } as const;
    await storage.put(leaseKey(BACKUP), serializeLease({ ...lease, unsettled: [] }));
  }

  async function lastRun(from: Storage = storage): Promise<[state: string, heldUntil: unknown]> {
    const [job] = await readJobs(from, "production");
    const [run] = job?.runs ?? [];
    if (run === undefined) throw new Error("there is a run");
    return [stateOf(run, NOW), run.heldUntil];
  }

  test("and holds the job: running", async () => {
    const { id } = await storeRun(storage, BACKUP, hoursAgo(1), running);
    await storeLease("held", id, hoursAgo(-0.01));
    expect(await lastRun()).toEqual(["running", hoursAgo(-0.01)]);
  });

  test("and whose lease has ended long ago: lost", async () => {
    const { id } = await storeRun(storage, BACKUP, hoursAgo(2), running);
    await storeLease("held", id, hoursAgo(1));
    expect(await lastRun()).toEqual(["lost", hoursAgo(1)]);
  });

  test.each(["held", "free"] as const)("and another one has the lease, %s: lost", async (state) => {
    await storeRun(storage, BACKUP, hoursAgo(2), running);
    await storeLease(state, `${stampOf(hoursAgo(1))}-others`, hoursAgo(-0.01));
    expect(await lastRun()).toEqual(["lost", null]);
  });

  test("and let go of the job while it was looked at, its end written down: as it ended", async () => {
    const { id } = await storeRun(storage, BACKUP, hoursAgo(2), running);
    const racing: Storage = {
      ...storage,
      url: storage.url,
      list: (prefix, options) => storage.list(prefix, options),
      get: async (key, options) => {
        if (key === leaseKey(BACKUP)) {
          await storeRun(storage, BACKUP, hoursAgo(2));
          await storeLease("free", id, hoursAgo(0));
        }
        return storage.get(key, options);
      },
    };
    expect(await lastRun(racing)).toEqual(["done", undefined]);
  });

  test("without a lease, with another lock, or a broken lease: nobody knows better", async () => {
    await storeRun(storage, BACKUP, hoursAgo(2), running);
    expect(await lastRun()).toEqual(["running", undefined]);
    await storage.put(leaseKey(BACKUP), Buffer.from("{"));
    expect(await lastRun()).toEqual(["running", undefined]);
    await storeRun(storage, BACKUP, hoursAgo(2), { ...running, generation: 0 });
    await storeLease("free", `${stampOf(hoursAgo(1))}-others`, hoursAgo(1));
    expect(await lastRun()).toEqual(["running", undefined]);
  });
});
