import { expect, test } from "vitest";
import { describeEnd } from "../../../src/commands/daemon.ts";
import type { Job } from "../../../src/repository/job.ts";

const PRUNE: Job = { kind: "prune", name: "production", database: "production" };

test.for([
  ["a line stands behind the job", "done", "deleted nothing", "prune production: deleted nothing"],
  ["a table begins on a line of its own", "done", "ID  AGE\na   1 h", "prune production:\nID  AGE\na   1 h"],
  [
    "a run that was not just done says so",
    "busy",
    "held",
    "prune production (another run holds the job): held",
  ],
] as const)("%s", ([, exit, text, told]) => {
  expect(describeEnd(PRUNE, { exit, text })).toBe(told);
});
