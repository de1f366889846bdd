import { describe, expect, test } from "vitest";
import type { Expectations } from "../../../src/status/expectations.ts";
import type { DatabaseFacts, UnreadableBackup } from "../../../src/status/facts.ts";
import { worstLevel } from "../../../src/status/finding.ts";
import { judge } from "../../../src/status/judge.ts";
import { median } from "../../../src/status/judge-backups.ts";
import {
  backupJob,
  exampleBackup,
  exampleFacts,
  exampleRun,
  exampleVerification,
  hoursAgo,
  NOW,
} from "../../support/status-facts.ts";

const EVERY_4_HOURS = { pattern: "0 */4 * * *", timezone: "UTC" };
const EXPECTED: Expectations = {
  schedule: EVERY_4_HOURS,
  maxAge: undefined,
  minimum: 1,
  maxSizeChange: 0.5,
  maxVerificationAge: undefined,
};
const FRESH = "ok: newest good backup is 2 h 0 min old, stale after 7 h 0 min";
const HOUR = 3_600_000;

interface Case {
  name: string;
  facts: Partial<DatabaseFacts>;
  expected?: Partial<Expectations>;
  /** `level: what`, for each finding. */
  findings: (string | RegExp)[];
}

function unreadable(hours: number): UnreadableBackup {
  return { ...exampleBackup(hours), state: "unreadable", error: "is corrupt: is not valid JSON" };
}

const suspect = { state: "suspect", reasons: ["the table public.orders is gone"] } as const;

const AGES: Case[] = [
  { name: "fresh", facts: {}, findings: [FRESH] },
  {
    name: "no backup at all",
    facts: { backups: [], total: 0 },
    findings: ["critical: there is no backup"],
  },
  {
    name: "no good one: all are suspect",
    facts: { backups: [exampleBackup(2, suspect), exampleBackup(6, suspect)], total: 2 },
    findings: ["critical: there is no good backup (2 backups, all suspect)", /^warning: .* is suspect/],
  },
  {
    name: "stale by the schedule",
    facts: { backups: [exampleBackup(12)] },
    findings: ["critical: newest good backup is 12 h 0 min old, stale after 9 h 0 min"],
  },
  {
    name: "one scheduled backup missing, the second one due and under way",
    facts: { backups: [exampleBackup(8)] },
    findings: ["ok: newest good backup is 8 h 0 min old, stale after 9 h 0 min"],
  },
  {
    name: "stale by maxAge, whatever the schedule",
    facts: {},
    expected: { maxAge: HOUR },
    findings: ["critical: newest good backup is 2 h 0 min old, stale after 1 h 0 min"],
  },
  {
    name: "exactly as old as it may be",
    facts: {},
    expected: { maxAge: 2 * HOUR },
    findings: ["critical: newest good backup is 2 h 0 min old, stale after 2 h 0 min"],
  },
  {
    name: "a day old, without a schedule",
    facts: { backups: [exampleBackup(24.9)] },
    expected: { schedule: undefined },
    findings: ["ok: newest good backup is 1 d 0 h old, stale after 1 d 1 h"],
  },
  {
    name: "older than a day, without a schedule",
    facts: { backups: [exampleBackup(25)] },
    expected: { schedule: undefined },
    findings: ["critical: newest good backup is 1 d 1 h old, stale after 1 d 1 h"],
  },
  {
    name: "a suspect backup makes nothing fresh",
    facts: { backups: [exampleBackup(1, suspect), exampleBackup(12)] },
    findings: [/^critical: newest good backup is 12 h/, /^warning: .* is suspect/],
  },
  {
    name: "a minute from the future: clocks differ",
    facts: { backups: [exampleBackup(-1 / 60)] },
    findings: ["ok: newest good backup is 0.0 s old, stale after 8 h 59 min"],
  },
  {
    name: "an hour from the future: a clock is wrong",
    facts: { backups: [exampleBackup(-1)] },
    findings: ["warning: newest good backup is from 1 h 0 min in the future"],
  },
];

const BACKUPS: Case[] = [
  {
    name: "the newest manifest cannot be read",
    facts: { backups: [unreadable(1), exampleBackup(2)] },
    findings: [
      FRESH,
      "critical: the manifest of backup 20261121T110000Z-k3v9qa is corrupt: is not valid JSON",
    ],
  },
  {
    name: "it and one before it, behind a suspect one",
    facts: { backups: [exampleBackup(0.5, suspect), unreadable(1), exampleBackup(2), unreadable(3)] },
    findings: [
      FRESH,
      "critical: the manifest of backup 20261121T110000Z-k3v9qa is corrupt: is not valid JSON; 2 backups like it",
      /is suspect/,
    ],
  },
  {
    name: "an older manifest cannot be read",
    facts: { backups: [exampleBackup(2), unreadable(6)] },
    findings: [FRESH, /^warning: the manifest of backup 20261121T060000Z-k3v9qa is corrupt/],
  },
  {
    name: "none can be read",
    facts: { backups: [unreadable(2), unreadable(6)] },
    findings: ["critical: there is no good backup (2 backups)", /^critical: .* is corrupt.*2 backups/],
  },
  {
    name: "two suspects wait",
    facts: { backups: [exampleBackup(1, suspect), exampleBackup(1.5, suspect), exampleBackup(2)] },
    findings: [
      FRESH,
      "warning: backup 20261121T110000Z-k3v9qa is suspect (and 1 suspect before it): the table public.orders is gone",
    ],
  },
  {
    name: "a suspect behind a good one is history",
    facts: { backups: [exampleBackup(2), exampleBackup(6, suspect)] },
    findings: [FRESH],
  },
  {
    name: "an accepted one is good",
    facts: { backups: [exampleBackup(2, { reasons: suspect.reasons })] },
    findings: [FRESH],
  },
  {
    name: "fewer than there should be",
    facts: {},
    expected: { minimum: 6 },
    findings: [FRESH, "warning: 5 good backups, fewer than 6"],
  },
  { name: "as many as there should be", facts: {}, expected: { minimum: 5 }, findings: [FRESH] },
  {
    name: "suspects do not count",
    facts: { backups: [exampleBackup(2), exampleBackup(6, suspect)] },
    expected: { minimum: 2 },
    findings: [FRESH, "warning: 1 good backup, fewer than 2"],
  },
];

/** Sizes in MB, newest first. */
function sized(...sizes: number[]): Partial<DatabaseFacts> {
  return { backups: sizes.map((size, index) => exampleBackup(2 + index * 4, { size: size * 1e6 })) };
}

const SIZES: Case[] = [
  {
    name: "half of the median is as far as it may be",
    facts: sized(500, 1000, 1000, 1000),
    findings: [FRESH],
  },
  {
    name: "less",
    facts: sized(400, 1000, 900, 5000),
    findings: [
      FRESH,
      "warning: newest good backup holds 400 MB, 60 % less than the median of the 3 before it (1.0 GB)",
    ],
  },
  {
    name: "more",
    facts: sized(1600, 1000, 900, 5000),
    findings: [FRESH, /^warning: newest good backup holds 1.6 GB, 60 % more than the median of the 3/],
  },
  {
    name: "as configured",
    facts: sized(1300, 1000, 1000, 1000),
    expected: { maxSizeChange: 0.25 },
    findings: [FRESH, /30 % more/],
  },
  { name: "two before it are no trend", facts: sized(1, 1000, 1000), findings: [FRESH] },
  { name: "of nothing, nothing is far", facts: sized(1, 0, 0, 0), findings: [FRESH] },
  {
    name: "a suspect one has no part in it",
    facts: { backups: [exampleBackup(1, { ...suspect, size: 1 }), ...exampleFacts().backups] },
    findings: [FRESH, /is suspect/],
  },
];

const VERIFICATIONS: Case[] = [
  { name: "never, and nobody asks", facts: {}, findings: [FRESH] },
  {
    name: "never",
    facts: {},
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [FRESH, "warning: no backup has passed a verification; one should every 7 d 0 h"],
  },
  {
    name: "in time",
    facts: { verifications: [exampleVerification(168)] },
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [FRESH],
  },
  {
    name: "too long ago",
    facts: { verifications: [exampleVerification(169)] },
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [FRESH, "warning: a backup last passed a verification 7 d 1 h ago, more than 7 d 0 h"],
  },
  {
    name: "the last one failed, asked for or not",
    facts: { verifications: [exampleVerification(1, { state: "failed", message: "pack 3 is\ncut" })] },
    findings: [FRESH, "critical: backup 20261120T100000Z-k3v9qa failed its verification: pack 3 is cut"],
  },
  {
    name: "an earlier one failed, and another backup has passed since",
    facts: {
      verifications: [
        exampleVerification(1, { backup: exampleBackup(2).id }),
        exampleVerification(9, { state: "failed", message: "cut" }),
      ],
    },
    findings: [FRESH, "warning: backup 20261120T100000Z-k3v9qa failed its verification: cut"],
  },
  {
    name: "the newest good backup failed, and an older one has passed since",
    facts: {
      verifications: [
        exampleVerification(0.5),
        exampleVerification(1, { backup: exampleBackup(2).id, state: "failed" }),
      ],
    },
    findings: [FRESH, "critical: backup 20261121T100000Z-k3v9qa failed its verification"],
  },
  {
    name: "could not be carried out: never passed, never failed",
    facts: { verifications: [exampleVerification(1, { state: "not-run", message: "no room" })] },
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [
      FRESH,
      "warning: the last verification, of backup 20261120T100000Z-k3v9qa, could not be carried out: no room",
      /no backup has passed/,
    ],
  },
  {
    name: "results that cannot be read",
    facts: { unreadableVerifications: ["production/backups/a/verification.json", "b"] },
    findings: [
      FRESH,
      "warning: what a verification came to cannot be read: production/backups/a/verification.json (and 1 more)",
    ],
  },
  {
    name: "could not be carried out, and did not undo that it failed before",
    facts: {
      verifications: [
        exampleVerification(1, { state: "not-run" }),
        exampleVerification(2, { state: "failed" }),
      ],
    },
    findings: [FRESH, /^critical: .* failed its verification/, /^warning: .* could not be carried out/],
  },
];

const RUNNING = { state: "running", ended: null, exit: null } as const;

const RUNS: Case[] = [
  { name: "done", facts: { jobs: [backupJob(exampleRun(2))] }, findings: [FRESH] },
  {
    name: "failed",
    facts: { jobs: [backupJob(exampleRun(1, { state: "failed", exit: "tool", message: "no pg_dump" }))] },
    findings: [FRESH, "warning: backup production failed 59 min 0 s ago: no pg_dump"],
  },
  {
    name: "failed, then done",
    facts: { jobs: [backupJob(exampleRun(1), exampleRun(2, { state: "failed" }))] },
    findings: [FRESH],
  },
  {
    name: "failed, and the next one is under way",
    facts: {
      jobs: [backupJob(exampleRun(0.5, RUNNING), exampleRun(1, { state: "failed" }))],
    },
    findings: [FRESH, /^warning: backup production failed/],
  },
  {
    name: "lost",
    facts: { jobs: [backupJob(exampleRun(3, { state: "lost", ended: null, exit: null }))] },
    findings: [FRESH, "warning: backup production was lost, begun 3 h 0 min ago"],
  },
  {
    name: "lost, as the next run wrote down an hour ago",
    facts: { jobs: [backupJob(exampleRun(3, { state: "lost", ended: hoursAgo(1), exit: null }))] },
    findings: [FRESH, "warning: backup production was lost, begun 3 h 0 min ago"],
  },
  {
    name: "says it runs, and holds the job",
    facts: {
      jobs: [backupJob(exampleRun(3, { ...RUNNING, heldUntil: hoursAgo(-0.01) }), exampleRun(7))],
    },
    findings: [FRESH],
  },
  {
    name: "says it runs, and held the job until a minute ago: clocks differ",
    facts: { jobs: [backupJob(exampleRun(3, { ...RUNNING, heldUntil: hoursAgo(1 / 60) }))] },
    findings: [FRESH],
  },
  {
    name: "says it runs, and held the job until an hour ago",
    facts: { jobs: [backupJob(exampleRun(3, { ...RUNNING, heldUntil: hoursAgo(1) }))] },
    findings: [FRESH, "warning: backup production was lost, begun 3 h 0 min ago"],
  },
  {
    name: "says it runs, and another one holds the job",
    facts: { jobs: [backupJob(exampleRun(3, { ...RUNNING, heldUntil: null }))] },
    findings: [FRESH, "warning: backup production was lost, begun 3 h 0 min ago"],
  },
  {
    name: "a record that cannot be read",
    facts: { jobs: [{ ...backupJob(), unreadable: ["production/runs/x.json"] }] },
    findings: [
      FRESH,
      "warning: 1 record of runs of backup production cannot be read: production/runs/x.json",
    ],
  },
  {
    name: "interrupted",
    facts: { jobs: [backupJob(exampleRun(1, { state: "interrupted", exit: "terminated" }))] },
    findings: [FRESH, /^warning: backup production was interrupted/],
  },
  {
    name: "fenced",
    facts: { jobs: [backupJob(exampleRun(1, { state: "fenced", exit: "fenced" }))] },
    findings: [FRESH, /^warning: backup production was overtaken by another run/],
  },
  {
    name: "done with warnings",
    facts: { jobs: [backupJob(exampleRun(1, { exit: "warnings", message: "a notice was not sent" }))] },
    findings: [FRESH, "warning: backup production ended with warnings 59 min 0 s ago: a notice was not sent"],
  },
  {
    name: "a suspect backup's warning is said once",
    facts: {
      backups: [exampleBackup(1, suspect), exampleBackup(2)],
      jobs: [backupJob(exampleRun(1, { exit: "warnings", message: "suspect" }))],
    },
    findings: [FRESH, /^warning: backup 20261121T110000Z-k3v9qa is suspect/],
  },
  {
    name: "and not any more once it is accepted",
    facts: {
      backups: [exampleBackup(2, { reasons: ["the table public.orders is gone"] })],
      jobs: [backupJob(exampleRun(2, { exit: "warnings", message: "suspect" }))],
    },
    findings: [FRESH],
  },
  {
    name: "what failed more than 30 days ago is history",
    facts: {
      jobs: [{ kind: "seed", name: "staging", runs: [exampleRun(721, { state: "failed" })], unreadable: [] }],
    },
    findings: [FRESH],
  },
];

/** Text stands for itself, whole. */
function asPattern(text: string | RegExp): RegExp {
  return typeof text === "string" ? new RegExp(`^${text.replaceAll(/[.()]/g, "\\$&")}$`) : text;
}

describe.each([
  { about: "age", cases: AGES },
  { about: "backups", cases: BACKUPS },
  { about: "size", cases: SIZES },
  { about: "verification", cases: VERIFICATIONS },
  { about: "runs", cases: RUNS },
])("$about", ({ cases }) => {
  test.each(cases)("$name", ({ facts, expected, findings }) => {
    const found = judge(exampleFacts(facts), { ...EXPECTED, ...expected }, NOW);
    const lines = found.map(({ level, what }) => `${level}: ${what}`);
    expect(lines).toEqual(findings.map((text) => expect.stringMatching(asPattern(text)) as unknown));
    // Whatever is wrong, it is said what can be done, on one line each.
    for (const { level, what, hint } of found) {
      expect(hint === undefined).toBe(level === "ok");
      expect(what).not.toMatch(/\n/);
    }
  });
});

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
