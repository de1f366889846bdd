import { describe } from "vitest";
import type { DatabaseFacts, UnreadableBackup } from "../../../src/status/facts.ts";
import { FRESH, HOUR, SUSPECT, testJudgements, type JudgementCase } from "../../support/judgements.ts";
import { exampleBackup, exampleFacts } from "../../support/status-facts.ts";

function unreadable(hours: number): UnreadableBackup {
  return { ...exampleBackup(hours), state: "unreadable", error: "is corrupt: is not valid JSON" };
}

const AGES: JudgementCase[] = [
  { name: "fresh", facts: {}, findings: [FRESH] },
  {
    name: "no backup at all",
    facts: { backups: [], total: 0 },
    findings: ["critical: there is no backup"],
  },
  {
    name: "no good one: all are suspect",
    facts: { backups: [exampleBackup(2, SUSPECT), exampleBackup(6, SUSPECT)], total: 2 },
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
    facts: { backups: [exampleBackup(1, SUSPECT), exampleBackup(12)] },
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

const BACKUPS: JudgementCase[] = [
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
    facts: { backups: [exampleBackup(0.5, SUSPECT), unreadable(1), exampleBackup(2), unreadable(3)] },
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
    facts: { backups: [exampleBackup(1, SUSPECT), exampleBackup(1.5, SUSPECT), exampleBackup(2)] },
    findings: [
      FRESH,
      "warning: backup 20261121T110000Z-k3v9qa is suspect (and 1 suspect before it): the table public.orders is gone",
    ],
  },
  {
    name: "a suspect behind a good one is history",
    facts: { backups: [exampleBackup(2), exampleBackup(6, SUSPECT)] },
    findings: [FRESH],
  },
  {
    name: "an accepted one is good",
    facts: { backups: [exampleBackup(2, { reasons: SUSPECT.reasons })] },
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
    facts: { backups: [exampleBackup(2), exampleBackup(6, SUSPECT)] },
    expected: { minimum: 2 },
    findings: [FRESH, "warning: 1 good backup, fewer than 2"],
  },
];

/** Sizes in MB, newest first. */
function sized(...sizes: number[]): Partial<DatabaseFacts> {
  return { backups: sizes.map((size, index) => exampleBackup(2 + index * 4, { size: size * 1e6 })) };
}

const SIZES: JudgementCase[] = [
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
    facts: { backups: [exampleBackup(1, { ...SUSPECT, size: 1 }), ...exampleFacts().backups] },
    findings: [FRESH, /is suspect/],
  },
];

describe.each([
  { about: "age", cases: AGES },
  { about: "backups", cases: BACKUPS },
  { about: "size", cases: SIZES },
])("$about", ({ cases }) => {
  testJudgements(cases);
});
