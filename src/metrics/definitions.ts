/** A metric that Prometheus reads at `/metrics`. */
export interface MetricDefinition {
  type: "gauge" | "counter";
  help: string;
  labels: readonly string[];
}

const JOB = ["job", "name", "database"] as const;

/**
 * Every metric there is, by its name. Instants are Unix time in seconds: of an instant that is told, an age is made by
 * `time() - …`, and it stays right while nobody answers.
 */
export const METRICS = {
  dataops_build_info: {
    type: "gauge",
    help: "Always 1; its labels say which version answers",
    labels: ["version", "node"],
  },
  dataops_storage_reachable: {
    type: "gauge",
    help: "Whether the storage could be read: 0 or 1. Where it is 0, nothing else about backups and jobs is told",
    labels: [],
  },
  dataops_findings: {
    type: "gauge",
    help: "What `dataops check` has to say of a database, by level: ok, warning, critical",
    labels: ["database", "level"],
  },
  dataops_backup_last_success_timestamp_seconds: {
    type: "gauge",
    help: "When the newest good backup began: what it holds is as of then. Missing where there is none",
    labels: ["database"],
  },
  dataops_backup_stale_timestamp_seconds: {
    type: "gauge",
    help: "When the newest good backup becomes stale, by `maxAge` or the schedule. Missing where there is none",
    labels: ["database"],
  },
  dataops_backup_last_duration_seconds: {
    type: "gauge",
    help: "How long the newest good backup took",
    labels: ["database"],
  },
  dataops_backup_last_size_bytes: {
    type: "gauge",
    help: "What the newest good backup holds, as text",
    labels: ["database"],
  },
  dataops_backup_last_stored_bytes: {
    type: "gauge",
    help: "What the newest good backup added to the storage",
    labels: ["database"],
  },
  dataops_backups: {
    type: "gauge",
    help: "Backups in the storage",
    labels: ["database"],
  },
  dataops_recent_backups: {
    type: "gauge",
    help: "The newest backups (40, where there are as many), by state: good, suspect, unreadable",
    labels: ["database", "state"],
  },
  dataops_verification_last_timestamp_seconds: {
    type: "gauge",
    help: "When the last verification ended, by kind: read, restore",
    labels: ["database", "kind"],
  },
  dataops_verification_last_passed: {
    type: "gauge",
    help: "Whether the last verification of that kind passed: 1, or 0 where it failed or could not be carried out",
    labels: ["database", "kind"],
  },
  dataops_recent_runs: {
    type: "gauge",
    help: "The newest runs of a job (20, where there are as many), by result: done, warnings, failed, interrupted, lost, fenced, running",
    labels: [...JOB, "result"],
  },
  dataops_run_last_timestamp_seconds: {
    type: "gauge",
    help: "When the last run of a job that is over began, by its result",
    labels: [...JOB, "result"],
  },
  dataops_run_last_success_timestamp_seconds: {
    type: "gauge",
    help: "When the last run of a job that was done began. Missing where none of the newest ones was",
    labels: JOB,
  },
  dataops_run_last_duration_seconds: {
    type: "gauge",
    help: "How long the last run of a job took that was done",
    labels: JOB,
  },
  dataops_next_run_timestamp_seconds: {
    type: "gauge",
    help: "When a job is due next. Missing where it has no schedule",
    labels: JOB,
  },
  process_resident_memory_bytes: {
    type: "gauge",
    help: "Memory of the process that answers",
    labels: [],
  },
  process_cpu_seconds_total: {
    type: "counter",
    help: "Processor time that the process has used",
    labels: [],
  },
  process_start_time_seconds: {
    type: "gauge",
    help: "When the process started",
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** What is sent to StatsD at the end of each run where `STATSD_HOST` is set. All carry the tags `job`, `name` and `state`. */
export const STATSD_METRICS = {
  "dataops.run.ended": { type: "count", help: "A run is over" },
  "dataops.run.duration": { type: "timing, in milliseconds", help: "How long it took" },
} as const;

export const STATSD_TAGS = {
  job: "`backup`, `verify`, `prune`, `seed`, `reindex`",
  name: "the database's name in the configuration, or the index's",
  state: "`done`, `warnings`, `failed`, `interrupted`, `lost`, `fenced`",
} as const;
