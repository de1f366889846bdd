import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { median, type Measurement } from "./measure.ts";
import { megabytes } from "./size.ts";

/** A contender's runs, and what they are compared with. */
export interface Series {
  name: string;
  runs: readonly Measurement[];
  /** Bytes that it left in storage; undefined where it left none. */
  bytes?: number | undefined;
  /** The series to compare with, run by run, and the highest ratio that is accepted. */
  baseline?: { series: Series; budget?: number };
}

export interface Round {
  /** Of the source, as `pg_database_size` says. */
  databaseBytes: number;
  backup: readonly Series[];
  restore: readonly Series[];
}

export interface Circumstances {
  runs: number;
  serverVersion: string;
  clientVersion: string;
  command: string;
  date: string;
}

/** `docs/benchmarks.md`. */
export function renderReport(rounds: readonly Round[], circumstances: Circumstances): string {
  const [processor] = cpus();
  return `# Benchmarks

Written by \`${circumstances.command}\` on ${circumstances.date}. Do not edit.

Contenders ran side by side in turn, in changing order, ${circumstances.runs} times each; times are medians, ratios the medians of the ratios of
paired runs. The database holds every kind of table (narrow, wide, toasted, partitioned, large objects; \`test/support/every-kind-of-table.ts\`). Source, target, S3 server and contender share the
machine. After the first run, each restored database was compared with the source: schema as pg_dump tells it, every row, sequence and large object.

- Machine: ${cpus().length} cores (${processor?.model.trim() ?? "unknown"}), ${megabytes(totalmem())} memory, ${type()} ${release()}
- PostgreSQL ${circumstances.serverVersion} with its default settings; programs ${circumstances.clientVersion}
- Node.js ${process.versions.node}, zstd ${process.versions["zstd"] ?? "unknown"}; S3: ${cephVersion()}, in memory

${rounds.map(renderRound).join("\n")}`;
}

function renderRound(round: Round): string {
  return `## A database of ${megabytes(round.databaseBytes)}

### Backup

${renderTable(round.backup)}
### Restore

${renderTable(round.restore)}`;
}

function renderTable(series: readonly Series[]): string {
  const rows = series.map((one) => {
    const ratio = ratioOf(one);
    const peak = one.runs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
    return [
      one.name,
      `${median(one.runs.map(({ seconds }) => seconds)).toFixed(1)} s`,
      ratio === undefined ? "" : ratio.toFixed(2),
      one.baseline?.budget === undefined ? "" : `<= ${one.baseline.budget.toFixed(2)}`,
      one.bytes === undefined ? "" : megabytes(one.bytes),
      peak.length === 0 ? "" : megabytes(Math.max(...peak)),
    ];
  });
  const header = ["", "wall time", "ratio", "budget", "stored", "peak memory"];
  return `${[header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`;
}

/** Run by run, so that what slowed both down in one run counts for neither. */
export function ratioOf({ runs, baseline }: Series): number | undefined {
  if (baseline === undefined) return undefined;
  return median(runs.map(({ seconds }, run) => seconds / (baseline.series.runs[run]?.seconds ?? Number.NaN)));
}

function cephVersion(): string {
  try {
    return execFileSync("radosgw", ["--version"], { encoding: "utf8" }).split(" ").slice(0, 3).join(" ");
  } catch {
    return "unknown";
  }
}
