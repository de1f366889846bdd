import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import { listRuns, type RunRecord } from "../../../src/repository/run-record.ts";
import { leaseKey, runKey } from "../../../src/repository/keys.ts";
import { serializeRun } from "../../../src/repository/run-record.ts";
import type { JobRun } from "../../../src/schedule/run.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { LIGHT_JOB, runLightJob } from "../../support/light-job.ts";
import { test } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** A storage that takes conditions and does not keep them. */
async function pretending(): Promise<Storage> {
  const inner = openFileStorage(await temporaryFolder("pretending"));
  return {
    ...inner,
    create: (key, body, options) => inner.put(key, body, options),
    replace: (key, body, _tag, options) => inner.put(key, body, options),
  };
}

/** The session that holds the job of `run`, ended by somebody. */
async function endSession(client: PostgresClient, { id }: JobRun): Promise<void> {
  const ended = await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
    [`dataops:${id}`],
  );
  expect(ended).toHaveLength(1);
}

async function runs(storage: Storage): Promise<RunRecord[]> {
  return (await listRuns(storage, LIGHT_JOB)).runs;
}

describe("where conditional writes are a pretence", () => {
  test("a lock in the database holds the job, which is told", async ({ database }) => {
    const storage = await pretending();
    const options = { database: database.settings };
    const told: string[] = [];
    let busy: unknown;
    const { value } = await runLightJob(storage, {
      ...options,
      told,
      work: async () => {
        busy = await runLightJob(storage, options).catch((error: unknown) => error);
      },
    });
    expect(told).toEqual([
      expect.stringMatching(
        /no real conditional writes: it created an object that was there; a lock in the database holds the job/,
      ),
    ]);
    expect(isDataopsError(busy, "busy")).toBe(true);
    expect(String(busy)).toMatch(
      new RegExp(`backup shop is being run already: run ${value} from .+, since 20`),
    );
    expect(await runs(storage)).toMatchObject([{ id: value, state: "done", generation: 0 }]);
    await expect(storage.head(leaseKey(LIGHT_JOB))).rejects.toMatchObject({ kind: "not-found" });
    expect(await runLightJob(storage, options)).toMatchObject({ exit: "done" });
  });

  test("a run whose session ends has lost its job", async ({ database }) => {
    const storage = await pretending();
    const client = await database.connect();
    const begun = performance.now();
    const running = runLightJob(storage, {
      database: database.settings,
      work: async (run) => {
        await endSession(client, run);
        await delay(30_000, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
      },
    });
    await expect(running).rejects.toThrow(/lost its hold on the job: its session in the database/);
    await expect(running).rejects.toSatisfy((error) => isDataopsError(error, "fenced"));
    expect(performance.now() - begun, "at once, not when it is next asked").toBeLessThan(8_000);
    expect(await runs(storage)).toMatchObject([{ state: "fenced", exit: "fenced" }]);
  });

  test("a run asks its session before it publishes, and uses nothing of dead runs", async ({ database }) => {
    const storage = await pretending();
    const dead: RunRecord = {
      format: 1,
      id: "20261121T035900Z-dddddd",
      job: "backup",
      name: "shop",
      slot: null,
      generation: 0,
      host: "elsewhere",
      dataopsVersion: "test",
      started: "2026-11-21T03:59:00.000Z",
      ended: null,
      state: "running",
      exit: null,
      message: null,
      result: {},
    };
    await storage.put(runKey(LIGHT_JOB, dead.id), serializeRun(dead));
    const seen: unknown[] = [];
    await runLightJob(storage, {
      database: database.settings,
      clock: { now: () => Date.parse("2026-11-21T04:00:00Z"), monotonic: () => performance.now() },
      work: async (run) => {
        seen.push(await run.stateOf(dead.id), await run.isAbandoned(dead.id), await run.confirm());
      },
    });
    expect(seen).toEqual(["lost", false, undefined]);
  });

  test("a slot is run once", async ({ database }) => {
    const storage = await pretending();
    const options = { database: database.settings, slot: Date.parse("2026-11-21T04:00:00Z") };
    const results = await Promise.allSettled([1, 2, 3].map(() => runLightJob(storage, options)));
    const losers = results.flatMap((result): unknown =>
      result.status === "rejected" ? [result.reason] : [],
    );
    expect(losers).toHaveLength(2);
    for (const loser of losers) expect(isDataopsError(loser, "busy"), String(loser)).toBe(true);
    expect(await runs(storage)).toHaveLength(1);
  });
});
