import { FRESH, SUSPECT, testJudgements, type JudgementCase } from "../../support/judgements.ts";
import { backupJob, exampleBackup, exampleRun, hoursAgo } from "../../support/status-facts.ts";

const RUNNING = { state: "running", ended: null, exit: null } as const;

const RUNS: JudgementCase[] = [
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
      backups: [exampleBackup(1, SUSPECT), exampleBackup(2)],
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

testJudgements(RUNS);
