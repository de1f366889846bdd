import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DataopsError } from "../../../src/errors.ts";
import { silentReporter, type Reporter } from "../../../src/observe/reporter.ts";
import { runScheduler, type SchedulerJob } from "../../../src/schedule/scheduler.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let clock: VirtualClock;
let stop: AbortController;
let end: AbortController;
let said: string[];
let reporter: Reporter;
const schedulers: Promise<void>[] = [];

beforeEach(() => {
  clock = new VirtualClock("2026-11-21T00:30:00Z");
  stop = new AbortController();
  end = new AbortController();
  said = [];
  const say = (message: string): void => void said.push(message);
  reporter = { ...silentReporter, info: say, warn: say };
});

afterEach(async () => {
  end.abort();
  await Promise.all(schedulers.splice(0));
});

interface Hourly {
  job: SchedulerJob;
  /** The slots that began, as hours and minutes. */
  began: string[];
}

function hourly(changes: Partial<SchedulerJob> = {}): Hourly {
  const began: string[] = [];
  const job: SchedulerJob = {
    title: "backup production",
    schedule: { pattern: "0 * * * *", timezone: "UTC" },
    missedWithin: 0,
    blackouts: [],
    timeout: 10 * HOUR,
    jitter: 0,
    run: () => Promise.resolve(),
    ...changes,
  };
  const run: SchedulerJob["run"] = (slot, signal) => {
    began.push(new Date(slot).toISOString().slice(11, 16));
    return job.run(slot, signal);
  };
  return { job: { ...job, run }, began };
}

function start(...jobs: Hourly[]): void {
  const random = (): number => 0.5;
  const options = { clock, reporter, random, stop: stop.signal, signal: end.signal };
  schedulers.push(
    runScheduler(
      jobs.map(({ job }) => job),
      options,
    ),
  );
}

test("each slot runs, at its time", async () => {
  const job = hourly();
  start(job);
  await clock.pass(29 * MINUTE);
  expect(job.began).toEqual([]);
  await clock.pass(3 * HOUR);
  expect(job.began).toEqual(["01:00", "02:00", "03:00"]);
  expect(said).toEqual([]);
});

describe("a slot that passed before the start", () => {
  test("runs at the start", async () => {
    const job = hourly({ missedWithin: HOUR });
    start(job);
    await clock.pass(0);
    expect(job.began).toEqual(["00:00"]);
  });

  test("does not where that is too long ago", async () => {
    const job = hourly({ missedWithin: 20 * MINUTE });
    start(job);
    await clock.pass(MINUTE);
    expect(job.began).toEqual([]);
  });
});

test("a job that fails is told, and runs for the next slot all the same", async () => {
  const run = (): Promise<void> =>
    Promise.reject(new DataopsError("unreachable", "no answer", { hint: "look" }));
  const job = hourly({ run });
  const other = hourly({ title: "verify production" });
  start(job, other);
  await clock.pass(2 * HOUR);
  expect(job.began).toEqual(["01:00", "02:00"]);
  expect(other.began).toEqual(["01:00", "02:00"]);
  expect(said).toEqual(["backup production failed: no answer", "backup production failed: no answer"]);
});

test("a slot that comes while the one before still runs is told, and not made up for", async () => {
  const first = Promise.withResolvers<void>();
  const job = hourly({
    run: (slot) => (new Date(slot).getUTCHours() === 1 ? first.promise : Promise.resolve()),
  });
  start(job);
  await clock.pass(2 * HOUR);
  first.resolve();
  await clock.pass(HOUR);
  expect(job.began).toEqual(["01:00", "03:00"]);
  expect(said).toEqual([
    "backup production did not run for 2026-11-21T02:00:00.000Z: the run before it has not ended",
  ]);
});

test("a machine that was suspended runs for the last slot, soon after it wakes", async () => {
  const job = hourly({ missedWithin: HOUR });
  start(job);
  await clock.pass(0);
  clock.suspend(5 * HOUR);
  await clock.pass(MINUTE);
  expect(job.began).toEqual(["00:00", "05:00"]);
  expect(said).toHaveLength(4);
});

test("a clock that goes back runs no slot twice; one that goes forward is followed", async () => {
  const job = hourly({ missedWithin: HOUR });
  start(job);
  await clock.pass(31 * MINUTE);
  clock.set("2026-11-21T00:50:00Z");
  await clock.pass(20 * MINUTE);
  expect(job.began).toEqual(["00:00", "01:00"]);
  clock.set("2026-11-21T01:59:59Z");
  await clock.pass(MINUTE);
  expect(job.began).toEqual(["00:00", "01:00", "02:00"]);
});

test("of two replicas both try, and the one that comes second says no more than that", async () => {
  const claimed = new Set<number>();
  const run = (slot: number): Promise<void> => {
    if (!claimed.has(slot)) return Promise.resolve(void claimed.add(slot));
    return Promise.reject(new DataopsError("busy", "another run had this slot"));
  };
  const replicas = [hourly({ run, missedWithin: HOUR }), hourly({ run, missedWithin: HOUR })];
  for (const replica of replicas) start(replica);
  await clock.pass(2 * HOUR);
  expect(claimed.size).toBe(3);
  expect(said).toEqual(Array.from({ length: 3 }, () => "backup production: another run had this slot"));
});

test("a run that takes too long is ended, and the next slot runs", async () => {
  const ends: unknown[] = [];
  const run = (_: number, signal: AbortSignal): Promise<void> =>
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve());
    }).then(() => {
      ends.push(signal.reason);
      signal.throwIfAborted();
    });
  const job = hourly({ run, timeout: 20 * MINUTE });
  start(job);
  await clock.pass(31 * MINUTE);
  expect(ends).toEqual([]);
  await clock.pass(20 * MINUTE);
  expect(ends).toEqual([expect.objectContaining({ exit: "failed" })]);
  await clock.pass(HOUR);
  expect(job.began).toEqual(["01:00", "02:00"]);
  expect(said[0]).toBe(
    "backup production failed: backup production was ended: it ran for more than 20 minutes",
  );
});

test("slots begin later by a part of the jitter", async () => {
  const job = hourly({ jitter: 10 * MINUTE });
  start(job);
  await clock.pass(34 * MINUTE);
  expect(job.began).toEqual([]);
  await clock.pass(2 * MINUTE);
  expect(job.began).toEqual(["01:00"]);
});

describe("the end", () => {
  test("`stop` begins no slot, and waits for what runs", async () => {
    const first = Promise.withResolvers<void>();
    const job = hourly({ run: () => first.promise });
    start(job);
    await clock.pass(HOUR);
    stop.abort();
    let isOver = false;
    void schedulers[0]?.then(() => (isOver = true));
    await clock.pass(5 * HOUR);
    expect(isOver).toBe(false);
    first.resolve();
    await clock.pass(0);
    expect(isOver).toBe(true);
    expect(job.began).toEqual(["01:00"]);
  });

  test("`signal` ends what runs, and what waits for its jitter does not begin", async () => {
    const signals: AbortSignal[] = [];
    const run: SchedulerJob["run"] = (_, signal) => {
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    };
    const job = hourly({ run });
    const waiting = hourly({ jitter: 2 * HOUR });
    start(job, waiting);
    await clock.pass(HOUR);
    end.abort();
    await Promise.all(schedulers.splice(0));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(waiting.began).toEqual([]);
  });
});
