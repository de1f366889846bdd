import { describe, expect, test } from "vitest";
import { DataopsError } from "../../../src/errors.ts";
import { freshnessOf } from "../../../src/status/freshness.ts";
import { lookAtStatus } from "../../../src/status/look.ts";
import { exampleStatuses, statusOf } from "../../support/page-status.ts";
import { exampleBackup, exampleFacts, NOW } from "../../support/status-facts.ts";

function look(read: Parameters<typeof lookAtStatus>[0], problems: unknown[] = []) {
  const onProblem = (error: unknown): void => void problems.push(error);
  return lookAtStatus(read, { patience: 100, now: () => NOW, onProblem });
}

describe("a look", () => {
  test("judges by the time at which it began", async () => {
    const times: number[] = [];
    const found = await look(async (now) => {
      times.push(now);
      return exampleStatuses();
    });
    expect(found).toMatchObject({ at: NOW, databases: { length: 3 } });
    expect(times).toEqual([NOW]);
  });

  test("that cannot reach the storage says so, in the storage's own words", async () => {
    const problems: unknown[] = [];
    const error = new DataopsError("unreachable", "cannot reach the bucket acme");
    expect(await look(() => Promise.reject(error), problems)).toEqual({
      at: NOW,
      databases: undefined,
      problem: "cannot reach the bucket acme",
    });
    expect(problems).toEqual([error]);
  });

  test("that meets a bug keeps its words to itself", async () => {
    const found = await look(() => Promise.reject(new TypeError("https://user:s3ntinel@host")));
    expect(JSON.stringify(found)).not.toContain("s3ntinel");
    expect(found.databases).toBeUndefined();
  });

  test("ends when its time is over, though nobody answers", async () => {
    let signal: AbortSignal | undefined;
    const found = await look((_, given) => {
      signal = given;
      return new Promise(() => undefined);
    });
    expect(found).toMatchObject({
      databases: undefined,
      problem: expect.stringContaining("in time") as unknown,
    });
    expect(signal?.aborted).toBe(true);
  });
});

describe("freshness", () => {
  test("of all that is as it should be", () => {
    const freshness = freshnessOf({ at: NOW, databases: exampleStatuses() });
    expect(freshness).toMatchObject({
      isFresh: true,
      level: "ok",
      at: "2026-11-21T12:00:00.000Z",
      problem: null,
    });
    expect(freshness.databases[0]).toMatchObject({
      database: "production",
      newestGood: "2026-11-21T10:00:00.000Z",
      staleAt: "2026-11-21T17:00:00.000Z",
    });
    expect(freshness.databases[0]?.findings[0]).toEqual({
      level: "ok",
      message: "newest good backup is 2 h 0 min old, stale after 7 h 0 min",
      hint: null,
    });
  });

  test.for([
    [
      "a warning is none",
      exampleFacts({ backups: [exampleBackup(1, { state: "suspect", reasons: ["x"] }), exampleBackup(2)] }),
      true,
      "warning",
    ],
    ["a stale backup is", exampleFacts({ backups: [exampleBackup(10)] }), false, "critical"],
    ["no backup at all is", exampleFacts({ backups: [] }), false, "critical"],
  ] as const)("of what is not: %s", ([, facts, isFresh, level]) => {
    expect(freshnessOf({ at: NOW, databases: [statusOf(facts)] })).toMatchObject({ isFresh, level });
  });

  test.for([
    ["no database", []],
    ["a database that nobody backs up", [statusOf(exampleFacts({ backups: [] }), false)]],
  ] as const)("of %s is not known", ([, databases]) => {
    expect(freshnessOf({ at: NOW, databases })).toMatchObject({ isFresh: false, level: "unknown" });
  });

  test("of a storage that does not answer is not known, and no good news", () => {
    expect(freshnessOf({ at: NOW, databases: undefined, problem: "cannot reach it" })).toEqual({
      isFresh: false,
      level: "unknown",
      at: "2026-11-21T12:00:00.000Z",
      problem: "cannot reach it",
      databases: [],
    });
  });
});
