import { UNSET_BACKUP } from "../../src/config/defaults.ts";
import { DEFAULT_BACKUP } from "../../src/config/schema.ts";
import { expectationsOf } from "../../src/status/expectations.ts";
import { nextRun } from "../../src/schedule/cron.ts";
import type { BackupFacts, DatabaseFacts, RunFacts } from "../../src/status/facts.ts";
import { judge } from "../../src/status/judge.ts";
import type { WithSchedule } from "../../src/status/judge-schedules.ts";
import type { DatabaseStatus } from "../../src/status/read-status.ts";
import { exampleBackup, exampleFacts, exampleRun, exampleVerification, NOW } from "./status-facts.ts";

const EXPECTED = expectationsOf({ ...UNSET_BACKUP, ...DEFAULT_BACKUP, schedule: "0 */4 * * *" });

const SCHEDULES: readonly WithSchedule[] = [
  {
    job: { kind: "backup", name: "production", database: "production" },
    schedule: { pattern: "0 */4 * * *", timezone: "UTC" },
  },
  {
    job: { kind: "verify", name: "production", database: "production" },
    schedule: { pattern: "30 5 * * *", timezone: "UTC" },
  },
  {
    job: { kind: "seed", name: "staging", database: "staging" },
    schedule: { pattern: "0 1 * * *", timezone: "America/New_York" },
  },
  {
    job: { kind: "reindex", name: "products", database: "staging" },
    schedule: { pattern: "30 6 * * *", timezone: "UTC" },
  },
];

/** A database's status as it is judged from facts, with those of the example's schedules whose jobs ran. */
export function statusOf(facts: DatabaseFacts, isBackedUp = true): DatabaseStatus {
  const expected = isBackedUp ? EXPECTED : undefined;
  const scheduled = SCHEDULES.filter(
    ({ job }) =>
      job.database === facts.database &&
      (job.kind === "backup" || facts.jobs.some(({ kind }) => kind === job.kind)),
  );
  return {
    database: facts.database,
    expected,
    facts,
    findings: judge(facts, expected, NOW, scheduled),
    next: scheduled.map(({ job, schedule }) => ({ job, at: nextRun(schedule, NOW) ?? 0 })),
  };
}

/** A team's production, staging and a laptop's database: forty backups, of which not all are as they should be. */
export function exampleStatuses(): DatabaseStatus[] {
  return [statusOf(exampleProduction()), statusOf(exampleStaging(), false), statusOf(exampleLocal(), false)];
}

/** `count` backups, one each 4 hours, growing, the newest 2 hours old. */
export function growingBackups(count: number): BackupFacts[] {
  return Array.from({ length: count }, (_, index) =>
    exampleBackup(2 + index * 4, {
      size: 1.31e9 * 0.994 ** index * (1 + 0.01 * Math.sin(index)),
      stored: 4e6 + 3e6 * (1 + Math.sin(index * 1.7)),
      duration: 19_000 + 6_000 * (1 + Math.sin(index * 2.3)),
    }),
  );
}

function exampleProduction(): DatabaseFacts {
  const backups = growingBackups(41).flatMap((backup, index): BackupFacts[] => {
    // Nobody ran for this slot.
    if (index === 17) return [];
    if (index === 1 && backup.state !== "unreadable") {
      return [
        {
          ...backup,
          state: "suspect",
          size: 5.2e8,
          reasons: ["the table public.orders lost 61 % of its rows"],
        },
      ];
    }
    return [backup];
  });
  const at = (index: number): string => backups[index]?.id ?? "";
  return exampleFacts({
    total: 312,
    backups,
    verifications: [
      exampleVerification(6.4, { backup: at(2), kind: "restore", restoreTime: 48_000 }),
      exampleVerification(30.4, { backup: at(8), kind: "restore", restoreTime: 47_000 }),
      exampleVerification(54.4, { backup: at(14) }),
      exampleVerification(78.4, { backup: at(20), kind: "restore", restoreTime: 47_000 }),
      exampleVerification(102.4, { backup: at(26) }),
    ],
    jobs: [
      {
        kind: "backup",
        name: "production",
        unreadable: [],
        runs: [
          exampleRun(2),
          exampleRun(6, {
            exit: "warnings",
            message: "suspect: the table public.orders lost 61 % of its rows",
          }),
          exampleRun(10),
          exampleRun(14, {
            state: "failed",
            exit: "unreachable",
            message: "cannot reach the database shop at db.internal:5432: connection refused",
          }),
          exampleRun(18),
        ],
      },
      { kind: "verify", name: "production", unreadable: [], runs: [exampleRun(6.5), exampleRun(30.5)] },
    ],
  });
}

function exampleStaging(): DatabaseFacts {
  return exampleFacts({
    database: "staging",
    backups: [],
    jobs: [
      { kind: "seed", name: "staging", unreadable: [], runs: [exampleRun(6), exampleRun(30)] },
      {
        kind: "reindex",
        name: "products",
        unreadable: [],
        runs: [exampleRun(0.02, { state: "running", ended: null, exit: null }), exampleRun(5.5)],
      },
    ],
  });
}

function exampleLocal(): DatabaseFacts {
  return exampleFacts({ database: "local", backups: [] });
}

/** A run whose message and a suspect backup whose reasons are hostile. */
export function hostileStatus(text: string): DatabaseStatus {
  const suspect: BackupFacts = exampleBackup(1, { state: "suspect", reasons: [text] });
  const unreadable: BackupFacts = { ...exampleBackup(3), state: "unreadable", error: text };
  const failed: RunFacts = exampleRun(1, { state: "failed", exit: "failed", message: text });
  return statusOf(
    exampleFacts({
      backups: [suspect, exampleBackup(2), unreadable],
      verifications: [exampleVerification(1, { state: "failed", message: text })],
      jobs: [{ kind: "backup", name: "production", runs: [failed], unreadable: [text.slice(0, 100)] }],
    }),
  );
}
