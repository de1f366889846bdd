import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { DataopsError, isDataopsError } from "../../../src/errors.ts";
import { leaseKey } from "../../../src/repository/keys.ts";
import { serializeLease } from "../../../src/schedule/lease-record.ts";
import type { JobRun } from "../../../src/schedule/run.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { LIGHT_JOB, readLease, readRuns, runLightJob } from "../../support/light-job.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Milliseconds; long enough for a busy machine to renew it. */
const DURATION = 900;
const OTHER_RUN = "20261121T035900Z-dddddd";

let storage: Storage;
beforeEach(async () => {
  storage = openFileStorage(await temporaryFolder("leases"));
});

describe("a run that cannot reach the storage", () => {
  test("loses its job when its lease ends", async () => {
    const cut = cutOff(storage);
    let lost: JobRun | undefined;
    const begun = performance.now();
    const running = runLightJob(cut.storage, {
      leaseDuration: DURATION,
      work: async (run) => {
        lost = run;
        cut.now();
        await delay(60_000, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
      },
    });
    await expect(running).rejects.toThrow(/lost its hold on the job: its lease was not renewed for 0.9 s/);
    await expect(running).rejects.toSatisfy((error) => isDataopsError(error, "fenced"));
    expect(performance.now() - begun).toBeLessThan(3 * DURATION);
    await expect(lost?.confirm()).rejects.toThrow(/lost its hold/);
  });

  test("and wakes up after another took over: it owns nothing any more", async () => {
    const cut = cutOff(storage);
    const seen: unknown[] = [];
    let next: string | undefined;
    const running = runLightJob(cut.storage, {
      leaseDuration: DURATION,
      work: async (run) => {
        cut.now();
        next = (await runLightJob(storage, { leaseDuration: DURATION })).value;
        cut.heal();
        seen.push(await run.confirm().catch((error: unknown) => error));
        seen.push(await run.fail(new Error("whatever")));
        seen.push(await run.isAbandoned(run.id));
        throw new Error("whatever");
      },
    });
    await expect(running).rejects.toSatisfy((error) => isDataopsError(error, "fenced"));
    expect(seen).toEqual([expect.objectContaining({ exit: "fenced" }), false, false]);
    expect((await readRuns(storage)).map(({ id, state }) => ({ state, next: id === next }))).toEqual(
      expect.arrayContaining([
        { state: "done", next: true },
        { state: "lost", next: false },
      ]),
    );
    expect(await readLease(storage)).toMatchObject({ generation: 2, state: "free" });
  });
});

describe("a lease that is held", () => {
  test("is renewed, and proven by one more renewal", async () => {
    await runLightJob(storage, {
      leaseDuration: DURATION,
      work: async (run) => {
        await expect
          .poll(async () => (await readLease(storage)).renewals, { timeout: 2 * DURATION })
          .toBeGreaterThan(0);
        const { renewals } = await readLease(storage);
        await run.confirm();
        expect((await readLease(storage)).renewals).toBeGreaterThan(renewals);
      },
    });
  });

  test("is not renewed by a process that stood still until it was over", async () => {
    const seen: unknown[] = [];
    const running = runLightJob(storage, {
      leaseDuration: DURATION,
      work: async ({ signal }) => {
        // Nothing else happens in this process meanwhile, timers included.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DURATION + 100);
        await delay(100);
        seen.push(signal.reason, (await readLease(storage)).renewals);
        signal.throwIfAborted();
      },
    });
    await expect(running).rejects.toSatisfy((error) => isDataopsError(error, "fenced"));
    expect(seen).toEqual([expect.objectContaining({ exit: "fenced" }), 0]);
  });

  test("is given back though a renewal gets no answer, when the run is told to end", async () => {
    const stop = new AbortController();
    const reason = new DataopsError("terminated", "terminated");
    let isSilent = false;
    const silent: Storage = {
      ...storage,
      replace: async (key, body, tag, options) => {
        if (!isSilent) return await storage.replace(key, body, tag, options);
        isSilent = false;
        setTimeout(() => stop.abort(reason), 20);
        return await new Promise<never>((_, reject) => {
          options?.signal?.addEventListener("abort", () => reject(new Error("broken off")));
        });
      },
    };
    const begun = performance.now();
    const running = runLightJob(silent, {
      signal: stop.signal,
      work: async (run) => {
        isSilent = true;
        await run.confirm();
      },
    });
    await expect(running).rejects.toBe(reason);
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(await readLease(storage)).toMatchObject({ state: "free" });
    expect(await readRuns(storage)).toMatchObject([{ state: "interrupted" }]);
  });

  test("is lost where somebody else wrote it, whatever the clock says", async () => {
    const running = runLightJob(storage, {
      work: async (run) => {
        const lease = await readLease(storage);
        const holder = { ...lease.holder, run: OTHER_RUN, host: "elsewhere" };
        await storage.put(leaseKey(LIGHT_JOB), serializeLease({ ...lease, generation: 2, holder }));
        await run.confirm();
      },
    });
    await expect(running).rejects.toThrow(/lost its hold on the job: run .*dddddd on elsewhere took over/);
    await expect(running).rejects.toSatisfy((error) => isDataopsError(error, "fenced"));
    expect(await readLease(storage), "it is left to whoever has it").toMatchObject({
      generation: 2,
      state: "held",
    });
  });

  test("is still held where the answer to a renewal was lost", async () => {
    let lost = 0;
    const losing: Storage = {
      ...storage,
      replace: async (...parameters) => {
        const info = await storage.replace(...parameters);
        if (parameters[0] !== leaseKey(LIGHT_JOB) || lost > 0) return info;
        lost += 1;
        throw new StorageError("transient", "the answer was lost");
      },
    };
    const outcome = await runLightJob(losing, {
      leaseDuration: DURATION,
      work: async (run) => {
        await run.confirm();
        expect(lost).toBe(1);
        await run.confirm();
      },
    });
    expect(await readLease(storage)).toMatchObject({ state: "free", holder: { run: outcome.value } });
  });
});

test("a run that is told to end while it takes its job gives it back", async () => {
  const stop = new AbortController();
  const reason = new DataopsError("terminated", "terminated");
  const slow: Storage = {
    ...storage,
    create: async (key, body, options) => {
      const info = await storage.create(key, body, options);
      if (key !== leaseKey(LIGHT_JOB)) return info;
      // It is written, and the answer is on its way.
      stop.abort(reason);
      options?.signal?.throwIfAborted();
      return info;
    },
  };
  const running = runLightJob(slow, { leaseDuration: DURATION, signal: stop.signal });
  await expect(running).rejects.toBe(reason);
  expect(await readLease(storage)).toMatchObject({ state: "free", unsettled: [] });
  expect(await readRuns(storage)).toEqual([]);
});

/** A storage that can be cut off from one who uses it, and comes back. */
function cutOff(inner: Storage): { storage: Storage; now: () => void; heal: () => void } {
  let isCut = false;
  const check = (): void => {
    if (isCut) throw new StorageError("transient", "the network is down");
  };
  const storage: Storage = {
    ...inner,
    put: async (...parameters) => (check(), inner.put(...parameters)),
    create: async (...parameters) => (check(), inner.create(...parameters)),
    replace: async (...parameters) => (check(), inner.replace(...parameters)),
    get: async (...parameters) => (check(), inner.get(...parameters)),
    head: async (...parameters) => (check(), inner.head(...parameters)),
  };
  return { storage, now: () => (isCut = true), heal: () => (isCut = false) };
}
