import { expect, test } from "vitest";
import { worstLevel } from "../../../src/status/finding.ts";
import { judge } from "../../../src/status/judge.ts";
import { median } from "../../../src/status/judge-backups.ts";
import { exampleFacts, exampleRun, NOW } from "../../support/status-facts.ts";

test("a database that is not backed up is judged by its jobs alone", () => {
  const facts = exampleFacts({
    database: "staging",
    backups: [],
    total: 0,
    jobs: [{ kind: "seed", name: "staging", runs: [exampleRun(1, { state: "failed" })], unreadable: [] }],
  });
  expect(judge(facts, undefined, NOW).map(({ what }) => what)).toEqual([
    "seed staging failed 59 min 0 s ago",
  ]);
});

test.each([
  { levels: [], worst: "ok" },
  { levels: ["ok", "warning", "ok"], worst: "warning" },
  { levels: ["critical", "warning"], worst: "critical" },
] as const)("the worst of $levels is $worst", ({ levels, worst }) => {
  expect(worstLevel(levels.map((level) => ({ level, what: "", hint: undefined })))).toBe(worst);
});

test.each([
  { values: [3], expected: 3 },
  { values: [5, 1, 3], expected: 3 },
  { values: [4, 1, 3, 2], expected: 2.5 },
  { values: [10, 9, 1, 2], expected: 5.5 },
])("the median of $values is $expected", ({ values, expected }) => {
  expect(median(values)).toBe(expected);
});
