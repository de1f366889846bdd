import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import { listRuns } from "../../../src/repository/run-record.ts";
import { retrying } from "../../../src/storage/retrying.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { test } from "../../support/faulty-s3.ts";
import { LIGHT_JOB, runLightJob } from "../../support/light-job.ts";
import { openTestStorage } from "../../support/s3-storage.ts";
import type { S3Description } from "../../support/server-broker.ts";

const ROUNDS = 50;
const HOUR = 60 * 60 * 1000;
const FIRST_SLOT = Date.parse("2026-11-21T04:00:00Z");

/** The same prefix through clients that know nothing of each other. */
function clients(s3: S3Description, count: number): Storage[] {
  const prefix = randomUUID();
  return Array.from({ length: count }, () => {
    const storage = openTestStorage(s3, prefix);
    onTestFinished(() => storage.close());
    return retrying(storage, { attempts: 5, baseDelay: 10, maxDelay: 100 });
  });
}

describe("two daemons and a scheduled task", () => {
  test("run each of 50 slots once, and the losers are told", { timeout: 300_000 }, async ({ s3 }) => {
    const [one, ...others] = clients(s3, 3);
    if (one === undefined) throw new Error("no client");
    let atWork = 0;
    const worked: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const slot = FIRST_SLOT + round * HOUR;
      const results = await Promise.allSettled(
        [one, ...others].map((storage) =>
          runLightJob(storage, {
            slot,
            leaseDuration: 5_000,
            work: async () => {
              atWork += 1;
              expect(atWork, "one at a time").toBe(1);
              worked.push(slot);
              await new Promise((resolve) => setTimeout(resolve, 5));
              atWork -= 1;
            },
          }),
        ),
      );
      const losers = results.flatMap((result): unknown =>
        result.status === "rejected" ? [result.reason] : [],
      );
      expect(losers, `round ${round}`).toHaveLength(2);
      for (const loser of losers) expect(isDataopsError(loser, "busy"), String(loser)).toBe(true);
    }
    expect(worked).toEqual(Array.from({ length: ROUNDS }, (_, round) => FIRST_SLOT + round * HOUR));
    const { runs, unreadable } = await listRuns(one, LIGHT_JOB);
    expect(unreadable).toEqual([]);
    expect(runs.map(({ state, exit }) => [state, exit])).toEqual(
      Array.from({ length: ROUNDS }, () => ["done", "done"]),
    );
    const inTheirOrder = runs.toSorted((left, right) => left.generation - right.generation);
    expect(new Set(runs.map(({ generation }) => generation)).size).toBe(ROUNDS);
    expect(inTheirOrder.map(({ slot }) => Date.parse(slot ?? ""))).toEqual(worked);
  });
});
