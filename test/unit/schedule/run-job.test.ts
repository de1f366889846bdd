import { beforeEach, describe, expect, test } from "vitest";
import { DataopsError, isDataopsError } from "../../../src/errors.ts";
import { makeBackupId } from "../../../src/repository/backup-id.ts";
import { leaseKey, manifestKey, runKey, slotKey } from "../../../src/repository/keys.ts";
import { listRuns, parseRun, serializeRun, type RunRecord } from "../../../src/repository/run-record.ts";
import { parseTombstone } from "../../../src/repository/tombstone.ts";
import { serializeLease, type LeaseRecord } from "../../../src/schedule/lease-record.ts";
import type { RunObserver } from "../../../src/schedule/run.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { LIGHT_JOB, readKey, readLease, readRuns, runLightJob } from "../../support/light-job.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Milliseconds; long enough for a busy machine to renew it. */
const DURATION = 900;
const SLOT = Date.parse("2026-11-21T04:00:00Z");
const DEAD = "20261121T035900Z-dddddd";

let storage: Storage;
beforeEach(async () => {
  storage = openFileStorage(await temporaryFolder("runs"));
});

async function readRecord(id: string): Promise<RunRecord> {
  return parseRun(await readKey(storage, runKey(LIGHT_JOB, id)), "run");
}

/** What a run leaves in the storage that was killed at work. */
async function leaveDead(changes: Partial<RunRecord> | undefined = {}): Promise<void> {
  const since = "2026-11-21T03:59:00.000Z";
  const slot = changes?.slot ?? null;
  const lease: LeaseRecord = {
    format: 1,
    generation: 41,
    state: "held",
    holder: { run: DEAD, host: "elsewhere", pid: 7, since, slot },
    renewed: since,
    expires: new Date(Date.parse(since) + DURATION).toISOString(),
    renewals: 0,
    unsettled: [],
  };
  await storage.put(leaseKey(LIGHT_JOB), serializeLease(lease));
  if (changes === undefined) return;
  const record: RunRecord = {
    format: 1,
    id: DEAD,
    job: "backup",
    name: "shop",
    slot: null,
    generation: 41,
    host: "elsewhere",
    dataopsVersion: "test",
    started: since,
    ended: null,
    state: "running",
    exit: null,
    message: null,
    result: {},
    ...changes,
  };
  await storage.put(runKey(LIGHT_JOB, DEAD), serializeRun(record));
}

describe("a run", () => {
  test("is written down at its start and at its end, and gives its job back", async () => {
    const during: RunRecord[] = [];
    const outcome = await runLightJob(storage, {
      slot: SLOT,
      work: async ({ id }) => void during.push(await readRecord(id)),
    });
    expect(during).toMatchObject([{ id: outcome.value, state: "running", ended: null, generation: 1 }]);
    expect(await readRuns(storage)).toMatchObject([
      { id: outcome.value, state: "done", exit: "done", slot: "2026-11-21T04:00:00.000Z", generation: 1 },
    ]);
    expect(await readLease(storage)).toMatchObject({ state: "free", generation: 1, unsettled: [] });
    await runLightJob(storage);
    expect(await readLease(storage)).toMatchObject({ state: "free", generation: 2 });
  });

  test.for([
    ["failed", new DataopsError("unreachable", "no server"), { exit: "unreachable", message: "no server" }],
    ["failed", new TypeError("x is\nnot a function"), { exit: "failed", message: "x is not a function" }],
    ["interrupted", new DataopsError("terminated", "terminated"), { exit: "terminated" }],
  ] as const)("that is %s says why, and gives its job back", async ([state, error, expected]) => {
    await expect(runLightJob(storage, { work: () => Promise.reject(error) })).rejects.toBe(error);
    expect(await readRuns(storage)).toMatchObject([{ state, ...expected }]);
    expect(await readLease(storage)).toMatchObject({ state: "free", unsettled: [] });
  });

  test("that is told to end does so at once", async () => {
    const stop = new AbortController();
    const reason = new DataopsError("terminated", "terminated");
    const running = runLightJob(storage, {
      signal: stop.signal,
      work: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          stop.abort(reason);
        }),
    });
    await expect(running).rejects.toBe(reason);
    expect(await readRuns(storage)).toMatchObject([{ state: "interrupted", exit: "terminated" }]);
    expect(await readLease(storage)).toMatchObject({ state: "free" });
  });

  test("keeps another one out, which is told who has the job and since when", async () => {
    let error: unknown;
    const { value } = await runLightJob(storage, {
      leaseDuration: DURATION,
      work: async () => {
        error = await runLightJob(storage, { leaseDuration: DURATION }).catch((reason: unknown) => reason);
      },
    });
    expect(isDataopsError(error, "busy")).toBe(true);
    expect(String(error)).toMatch(
      new RegExp(`backup shop is being run already: run ${value} on \\S+, since 20`),
    );
    expect(await readRuns(storage)).toMatchObject([{ id: value, state: "done" }]);
  });
});

test("records that are old go with the next run that is done, and those of other jobs stay", async () => {
  const { value } = await runLightJob(storage);
  const record = await readRecord(value);
  const old = Array.from({ length: 105 }, (_, index) => Date.UTC(2020, 0, 1 + index));
  const other = { ...LIGHT_JOB, kind: "verify" } as const;
  await Promise.all(
    old.map(async (at) => {
      const id = makeBackupId(at);
      await storage.put(runKey(LIGHT_JOB, id), serializeRun({ ...record, id }));
      await storage.put(slotKey(LIGHT_JOB, at), Buffer.from("{}"));
      await storage.put(runKey(other, id), serializeRun({ ...record, id, job: "verify" }));
    }),
  );
  await runLightJob(storage);
  const left = await readRuns(storage);
  expect(left).toHaveLength(100);
  expect(left.map(({ id }) => id)).toContain(value);
  expect((await listRuns(storage, other)).runs).toHaveLength(105);
  const slots: string[] = [];
  for await (const { key } of storage.list("shop/slots/")) slots.push(key);
  expect(slots.toSorted()).toEqual(old.slice(5).map((at) => slotKey(LIGHT_JOB, at)));
});

describe("a run that died", () => {
  test("is written down as lost by the next one, and can publish nothing", async () => {
    await leaveDead({ slot: "2026-11-21T04:00:00.000Z" });
    const told: string[] = [];
    const ended: RunRecord[] = [];
    const observer = observerOf(
      () => undefined,
      (record) => void ended.push(record),
    );
    const { value } = await runLightJob(storage, { leaseDuration: DURATION, told, observers: [observer] });
    expect(await readRecord(DEAD)).toMatchObject({
      state: "lost",
      exit: null,
    });
    expect(parseTombstone(await readKey(storage, manifestKey("shop", DEAD)))).toMatchObject({
      abandoned: { by: value },
    });
    expect(await readLease(storage)).toMatchObject({ generation: 42, state: "free", unsettled: [] });
    expect(told).toEqual([
      expect.stringMatching(/held by run .*dddddd on elsewhere: waiting/),
      expect.stringMatching(/^run .*dddddd of backup shop was lost: it began at .* on elsewhere/),
    ]);
    expect(ended).toMatchObject([
      { id: DEAD, state: "lost" },
      { id: value, state: "done" },
    ]);
  });

  test("is given the job's time to come back, by nobody's clock but the observer's", async () => {
    await leaveDead();
    const begun = performance.now();
    await runLightJob(storage, { leaseDuration: DURATION });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(DURATION);
  });

  test("before it had begun is lost, too, and cannot begin any more", async () => {
    await leaveDead(undefined);
    await runLightJob(storage, { leaseDuration: DURATION });
    expect(await readRecord(DEAD)).toMatchObject({ state: "lost", host: "elsewhere" });
  });

  test("after it had published is done", async () => {
    await leaveDead();
    await storage.put(manifestKey("shop", DEAD), Buffer.alloc(2_000, "x"));
    await runLightJob(storage, { leaseDuration: DURATION });
    expect(await readRecord(DEAD)).toMatchObject({ state: "done", exit: "done" });
    expect((await readKey(storage, manifestKey("shop", DEAD))).byteLength).toBe(2_000);
  });

  test("is not forgotten where the one that took over dies as well", async () => {
    await leaveDead();
    const lease = await readLease(storage);
    const second = { ...lease.holder, run: "20261121T035930Z-eeeeee" };
    await storage.put(
      leaseKey(LIGHT_JOB),
      serializeLease({ ...lease, generation: 42, holder: second, unsettled: [lease.holder] }),
    );
    await runLightJob(storage, { leaseDuration: DURATION });
    expect(await readRecord(DEAD)).toMatchObject({ state: "lost" });
    expect(await readRecord(second.run)).toMatchObject({ state: "lost" });
    expect(await readLease(storage)).toMatchObject({ generation: 43, unsettled: [] });
  });
});

describe("a slot", () => {
  test("is run once", async () => {
    const { value } = await runLightJob(storage, { slot: SLOT });
    const second = runLightJob(storage, { slot: SLOT });
    await expect(second).rejects.toThrow(
      `was run for 2026-11-21T04:00:00.000Z already, by run ${value}, which is done`,
    );
    await expect(second).rejects.toSatisfy((error) => isDataopsError(error, "busy"));
    expect(await readRuns(storage)).toHaveLength(1);
    expect(await readLease(storage)).toMatchObject({ state: "free" });
    await runLightJob(storage);
    await runLightJob(storage, { slot: SLOT + 1000 });
    expect(await readRuns(storage)).toHaveLength(3);
  });

  test("whose run failed is not run again", async () => {
    const fails = (): Promise<void> => Promise.reject(new DataopsError("failed", "no"));
    await expect(runLightJob(storage, { slot: SLOT, work: fails })).rejects.toThrow("no");
    await expect(runLightJob(storage, { slot: SLOT })).rejects.toThrow(/which is failed/);
  });

  test("whose run was lost is made up for, but not forever", async () => {
    for (let round = 1; round <= 3; round += 1) {
      const isCutOff = new DataopsError("interrupted", "interrupted");
      await expect(runLightJob(storage, { slot: SLOT, work: () => Promise.reject(isCutOff) })).rejects.toBe(
        isCutOff,
      );
    }
    await expect(runLightJob(storage, { slot: SLOT })).rejects.toThrow(/which is interrupted/);
    expect(await readRuns(storage)).toHaveLength(3);
    expect(JSON.parse((await readKey(storage, slotKey(LIGHT_JOB, SLOT))).toString())).toMatchObject({
      runs: [expect.any(String), expect.any(String), expect.any(String)],
    });
  });
});

describe("a run that cannot begin", () => {
  const failure = new DataopsError("unreachable", "no server");
  const prepare = (): Promise<void> => Promise.reject(failure);

  async function endedOf(options: Parameters<typeof runLightJob>[1]): Promise<RunRecord[]> {
    const ended: RunRecord[] = [];
    const observer = observerOf(
      () => expect.unreachable("it never began"),
      (record) => void ended.push(record),
    );
    await expect(runLightJob(storage, { ...options, observers: [observer] })).rejects.toThrow(/./);
    return ended;
  }

  test("asks nothing of the storage where somebody started it by hand, and is told", async () => {
    const untouchable = new Proxy(storage, {
      get: (_, name) => expect.unreachable(`${String(name)} was asked`),
    });
    await expect(runLightJob(untouchable, { prepare })).rejects.toBe(failure);
    expect(await endedOf({ prepare })).toMatchObject([
      { state: "failed", exit: "unreachable", message: "no server" },
    ]);
    expect(await readRuns(storage)).toEqual([]);
  });

  test("is written down where a schedule wanted it, and leaves the slot to others", async () => {
    await runLightJob(storage);
    expect(await endedOf({ prepare, slot: SLOT })).toMatchObject([{ state: "failed" }]);
    await runLightJob(storage, { slot: SLOT });
    const ofSlot = (await readRuns(storage)).filter(({ slot }) => slot !== null);
    expect(ofSlot.map(({ state }) => state).toSorted()).toEqual(["done", "failed"]);
  });

  test("since its storage may not be written, is told", async () => {
    const denied = new StorageError("not-permitted", "writing is denied");
    storage = { ...storage, put: () => Promise.reject(denied) };
    expect(await endedOf({})).toMatchObject([{ state: "failed", exit: "notPermitted" }]);
  });

  test("since another one has the job, or it was told to end, is nobody's trouble", async () => {
    await runLightJob(storage, { slot: SLOT });
    expect(await endedOf({ slot: SLOT })).toEqual([]);
    expect(await endedOf({ prepare: () => Promise.reject(new DataopsError("terminated", "x")) })).toEqual([]);
  });
});

describe("an observer", () => {
  test("is told of the start and the end", async () => {
    const states: string[] = [];
    const observer = observerOf(
      ({ state }) => void states.push(`started ${state}`),
      ({ state }) => void states.push(`ended ${state}`),
    );
    expect(await runLightJob(storage, { observers: [observer] })).toMatchObject({ exit: "done" });
    expect(states).toEqual(["started running", "ended done"]);
  });

  test("that fails makes of done no more than a warning", async () => {
    const told: string[] = [];
    const observer = observerOf(
      () => {
        throw new Error("no such webhook");
      },
      () => undefined,
    );
    expect(await runLightJob(storage, { observers: [observer], told })).toMatchObject({ exit: "warnings" });
    expect(told).toEqual([expect.stringMatching(/not everybody could be told of run .*: no such webhook/)]);
    expect(await readRuns(storage)).toMatchObject([{ state: "done", exit: "done" }]);
  });
});

function observerOf(started: (record: RunRecord) => void, ended: (record: RunRecord) => void): RunObserver {
  return {
    started: async (record) => started(record),
    ended: async (record) => ended(record),
  };
}
