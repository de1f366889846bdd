import type { Job } from "../repository/job.ts";
import { staleAt } from "../status/expectations.ts";
import { newestGood, type DatabaseFacts, type JobFacts, type RunFacts } from "../status/facts.ts";
import { LEVELS } from "../status/finding.ts";
import type { StatusLook } from "../status/look.ts";
import type { DatabaseStatus } from "../status/read-status.ts";
import { lastEnded, stateOf } from "../status/run-state.ts";
import type { MetricName } from "./definitions.ts";

/** One value of a metric. */
export interface Sample {
  metric: MetricName;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const BACKUP_STATES = ["good", "suspect", "unreadable"] as const;
const RUN_RESULTS = ["done", "warnings", "failed", "interrupted", "lost", "fenced", "running"] as const;

type RunResult = (typeof RUN_RESULTS)[number];

/**
 * What there is to measure in one look at the storage. A pure function of it: nothing is counted in memory, so that a restart
 * loses nothing, and every replica tells the same.
 */
export function samplesOf(look: StatusLook): Sample[] {
  const reachable = sample("dataops_storage_reachable", {}, look.databases === undefined ? 0 : 1);
  if (look.databases === undefined) return [reachable];
  return [reachable, ...look.databases.flatMap((status) => samplesOfDatabase(status, look.at))];
}

function samplesOfDatabase(status: DatabaseStatus, now: number): Sample[] {
  const { database, expected, facts, findings, next } = status;
  return [
    ...LEVELS.map((level) =>
      sample(
        "dataops_findings",
        { database, level },
        findings.filter((finding) => finding.level === level).length,
      ),
    ),
    ...(expected === undefined ? [] : [...samplesOfBackups(status), ...samplesOfVerifications(facts)]),
    ...facts.jobs.flatMap((job) => samplesOfJob({ ...job, database }, now)),
    ...next.map(({ job, at }) => sample("dataops_next_run_timestamp_seconds", labelsOf(job), at / 1000)),
  ];
}

function samplesOfBackups({ database, facts, expected }: DatabaseStatus): Sample[] {
  const counts = [
    sample("dataops_backups", { database }, facts.total),
    ...BACKUP_STATES.map((state) =>
      sample(
        "dataops_recent_backups",
        { database, state },
        facts.backups.filter((backup) => backup.state === state).length,
      ),
    ),
  ];
  const newest = newestGood(facts);
  if (newest === undefined || expected === undefined) return counts;
  const started = Date.parse(newest.started);
  const ofNewest = {
    dataops_backup_last_success_timestamp_seconds: started / 1000,
    dataops_backup_stale_timestamp_seconds: staleAt(started, expected) / 1000,
    dataops_backup_last_duration_seconds: newest.duration / 1000,
    dataops_backup_last_size_bytes: newest.size,
    dataops_backup_last_stored_bytes: newest.stored,
  } as const;
  return [...counts, ...samplesByName(ofNewest, { database })];
}

function samplesOfVerifications({ database, verifications }: DatabaseFacts): Sample[] {
  return (["read", "restore"] as const).flatMap((kind) => {
    // The one that ended last comes first.
    const last = verifications.find((verification) => verification.kind === kind);
    if (last === undefined) return [];
    const values = {
      dataops_verification_last_timestamp_seconds: Date.parse(last.ended) / 1000,
      dataops_verification_last_passed: Number(last.state === "passed"),
    };
    return samplesByName(values, { database, kind });
  });
}

function samplesOfJob(job: JobFacts & { database: string }, now: number): Sample[] {
  const labels = labelsOf(job);
  const results = job.runs.map((run) => resultOf(run, now));
  const counts = RUN_RESULTS.map((result) =>
    sample("dataops_recent_runs", { ...labels, result }, results.filter((one) => one === result).length),
  );
  const last = lastEnded(job, now);
  const ended =
    last === undefined
      ? []
      : [
          sample(
            "dataops_run_last_timestamp_seconds",
            { ...labels, result: resultOf(last, now) },
            Date.parse(last.started) / 1000,
          ),
        ];
  return [...counts, ...ended, ...samplesOfLastDone(job, labels)];
}

function samplesOfLastDone({ runs }: JobFacts, labels: Readonly<Record<string, string>>): Sample[] {
  const done = runs.find(({ state }) => state === "done");
  if (done === undefined || done.ended === null) return [];
  const started = Date.parse(done.started);
  const values = {
    dataops_run_last_success_timestamp_seconds: started / 1000,
    dataops_run_last_duration_seconds: (Date.parse(done.ended) - started) / 1000,
  };
  return samplesByName(values, labels);
}

/** How a run stands, with those that were done and warn of something told apart. */
function resultOf(run: RunFacts, now: number): RunResult {
  const state = stateOf(run, now);
  return state === "done" && run.exit === "warnings" ? "warnings" : state;
}

function labelsOf({ kind, name, database }: Job): Record<string, string> {
  return { job: kind, name, database };
}

function samplesByName(
  values: Readonly<Partial<Record<MetricName, number>>>,
  labels: Readonly<Record<string, string>>,
): Sample[] {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the type of `values` says which keys there are
  return (Object.entries(values) as [MetricName, number][]).map(([metric, value]) =>
    sample(metric, labels, value),
  );
}

function sample(metric: MetricName, labels: Readonly<Record<string, string>>, value: number): Sample {
  return { metric, labels, value };
}
