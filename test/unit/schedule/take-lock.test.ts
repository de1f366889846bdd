import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { DataopsError } from "../../../src/errors.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { visitingJobs } from "../../../src/schedule/hold-job.ts";
import { systemClock } from "../../../src/schedule/clock.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { LIGHT_JOB, NOWHERE, readRuns, runLightJob } from "../../support/light-job.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Milliseconds; long enough for a busy machine to renew it. */
const DURATION = 2_000;
const SLOT = Date.parse("2026-11-21T04:00:00Z");

let storage: Storage;
let happened: string[];
beforeEach(async () => {
  storage = openFileStorage(await temporaryFolder("locks"));
  happened = [];
});

/** Holds the job as a prune does, and calls `work` meanwhile. */
function visit(isPatient: boolean, work: () => Promise<void>, told: string[] = []): Promise<void> {
  const withLease = visitingJobs(
    {
      storage,
      database: NOWHERE,
      reporter: { ...silentReporter, info: (line) => void told.push(line) },
      signal: new AbortController().signal,
      clock: systemClock,
      version: "test",
      observers: [],
      leaseDuration: DURATION,
    },
    { visitor: "prune shop", isPatient, bury: () => Promise.resolve() },
  );
  return withLease(LIGHT_JOB, async () => {
    happened.push("visit");
    await work();
    happened.push("visit over");
  });
}

/** A run that says when it is at work. */
function run(slot: number | undefined, told: string[] = [], work?: () => Promise<void>): Promise<unknown> {
  return runLightJob(storage, {
    ...(slot === undefined ? {} : { slot }),
    told,
    leaseDuration: DURATION,
    work: async () => {
      happened.push("run");
      await work?.();
      happened.push("run over");
    },
  });
}

async function untilTold(told: readonly string[], pattern: RegExp): Promise<void> {
  await expect.poll(() => told.some((line) => pattern.test(line)), { timeout: 8_000 }).toBe(true);
}

describe("a run that finds its job visited", () => {
  test("waits for the visit's end where a schedule wants it", async () => {
    const told: string[] = [];
    let running: Promise<unknown> | undefined;
    await visit(false, async () => {
      running = run(SLOT, told);
      await untilTold(told, /^backup shop has to wait for prune shop on .*: waiting for that$/);
      // Longer than it takes to try again.
      await delay(DURATION / 2);
    });
    await running;
    expect(happened).toEqual(["visit", "visit over", "run", "run over"]);
    expect(await readRuns(storage)).toMatchObject([{ state: "done", slot: "2026-11-21T04:00:00.000Z" }]);
    expect(told.filter((line) => /waiting/.test(line))).toHaveLength(2);
  });

  test("says so at once where somebody started it", async () => {
    await visit(false, async () => {
      await expect(run(undefined)).rejects.toMatchObject({ exit: "busy" });
    });
    expect(happened).toEqual(["visit", "visit over"]);
  });

  test("stops waiting when the program shall end", async () => {
    const told: string[] = [];
    const stop = new AbortController();
    const reason = new DataopsError("terminated", "terminated");
    await visit(false, async () => {
      const running = runLightJob(storage, {
        slot: SLOT,
        told,
        leaseDuration: DURATION,
        signal: stop.signal,
      });
      const ended = running.catch((error: unknown) => error);
      await untilTold(told, /waiting for that$/);
      stop.abort(reason);
      expect(await ended).toBe(reason);
    });
  });
});

describe("a visit that finds a run at work", () => {
  test("waits for its end where it is patient", async () => {
    const told: string[] = [];
    let visiting: Promise<void> | undefined;
    await run(SLOT, [], async () => {
      visiting = visit(true, () => Promise.resolve(), told);
      await untilTold(told, /^backup shop is being run already: .*: waiting for that$/);
    });
    await visiting;
    expect(happened).toEqual(["run", "run over", "visit", "visit over"]);
  });

  test("does not begin where it is not", async () => {
    await run(SLOT, [], async () => {
      await expect(visit(false, () => Promise.resolve())).rejects.toMatchObject({ exit: "busy" });
    });
    expect(happened).toEqual(["run", "run over"]);
  });
});

test("a run for another slot waits for no run", async () => {
  await run(SLOT, [], async () => {
    await expect(run(SLOT + 60_000)).rejects.toMatchObject({ exit: "busy" });
  });
  expect(happened).toEqual(["run", "run over"]);
});
