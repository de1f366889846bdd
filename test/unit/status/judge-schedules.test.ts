import { expect, test } from "vitest";
import type { RunFacts } from "../../../src/status/facts.ts";
import { judge } from "../../../src/status/judge.ts";
import { judgeSchedules, type WithSchedule } from "../../../src/status/judge-schedules.ts";
import { exampleFacts, exampleRun, NOW } from "../../support/status-facts.ts";

/** Every night at one: 11 hours before `NOW`. Of a run of last night the limit is the night after next, and an hour. */
const NIGHTLY: WithSchedule = {
  job: { kind: "seed", name: "staging", database: "staging" },
  schedule: { pattern: "0 1 * * *", timezone: "UTC" },
};

const FAILED = { state: "failed", exit: "failed" } as const;
const RUNNING = { state: "running", ended: null, exit: null } as const;

test.for<[string, RunFacts[] | undefined, string[]]>([
  [
    "last night",
    [exampleRun(11)],
    ["ok: seed staging last ended well 11 h 0 min ago, overdue after 2 d 1 h"],
  ],
  [
    "last night, with warnings",
    [exampleRun(11, { exit: "warnings" })],
    ["ok: seed staging last ended well 11 h 0 min ago, overdue after 2 d 1 h"],
  ],
  [
    "the night before: one missed",
    [exampleRun(11, FAILED), exampleRun(35)],
    ["ok: seed staging last ended well 1 d 11 h ago, overdue after 2 d 1 h"],
  ],
  [
    "two nights before: two missed, the second one more than an hour ago",
    [exampleRun(11, FAILED), exampleRun(35, FAILED), exampleRun(59)],
    ["critical: seed staging last ended well 2 d 11 h ago, overdue after 2 d 1 h"],
  ],
  [
    "two missed, and it is running",
    [exampleRun(0.1, RUNNING), exampleRun(59)],
    ["critical: seed staging last ended well 2 d 11 h ago, overdue after 2 d 1 h"],
  ],
  [
    "only failures, as far back as anybody read",
    [exampleRun(11, FAILED), exampleRun(35, FAILED), exampleRun(83, FAILED)],
    ["critical: none of the last 3 runs of seed staging ended well"],
  ],
  ["only failures, all of them young: what was before is not known", [exampleRun(1, FAILED)], []],
  ["never", undefined, ["warning: seed staging has never run"]],
  ["records that cannot be read", [], ["warning: seed staging has never run"]],
])("%s", ([, runs, expected]) => {
  const jobs = runs === undefined ? [] : [{ kind: "seed" as const, name: "staging", runs, unreadable: [] }];
  const found = judgeSchedules({ jobs }, [NIGHTLY], NOW);
  expect(found.map(({ level, what }) => `${level}: ${what}`)).toEqual(expected);
  for (const { level, hint } of found) expect(hint === undefined).toBe(level === "ok");
});

test("a verification that is overdue is no more than a warning", () => {
  const verify: WithSchedule = {
    job: { kind: "verify", name: "production", database: "production" },
    schedule: NIGHTLY.schedule,
  };
  const jobs = [{ kind: "verify" as const, name: "production", runs: [exampleRun(59)], unreadable: [] }];
  expect(judgeSchedules({ jobs }, [verify], NOW)).toMatchObject([
    { level: "warning", what: expect.stringContaining("overdue") as unknown },
  ]);
});

test("a scheduled backup is judged by its backups, not by its runs", () => {
  const backup: WithSchedule = {
    job: { kind: "backup", name: "production", database: "production" },
    schedule: NIGHTLY.schedule,
  };
  expect(judgeSchedules({ jobs: [] }, [backup], NOW)).toEqual([]);
});

test("a reset that never ran is told of a database that is not backed up, too", () => {
  const facts = exampleFacts({ database: "staging", backups: [] });
  expect(judge(facts, undefined, NOW, [NIGHTLY])).toMatchObject([{ level: "warning" }]);
});
