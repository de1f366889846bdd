import { verdictOf, type Check, type Unit } from "./budgets.ts";
import { median } from "./measure.ts";
import {
  BASELINE_BACKUP,
  BASELINE_RESTORE,
  medianBytes,
  seriesOf,
  shareOfFirst,
  timeRatio,
  type BackupParts,
  type BackupSeries,
  type ChurnResult,
  type Round,
  type ScenarioResult,
  type Series,
} from "./results.ts";
import { megabytes } from "./size.ts";

/** What a report says beside the numbers. */
export interface Circumstances {
  runs: number;
  /** The command line that wrote it. */
  command: string;
  date: string;
  /** Lines about the machine and the versions. */
  machine: readonly string[];
  /** Contenders that were left out, and why. */
  absent: readonly string[];
}

/** A round, and what its budgets came to. */
export interface JudgedRound {
  round: Round;
  checks: readonly Check[];
}

/** `docs/benchmarks.md`. Pure. */
export function renderReport(
  rounds: readonly JudgedRound[],
  general: readonly Check[],
  circumstances: Circumstances,
): string {
  const { command, date, runs, machine, absent } = circumstances;
  const parts = [
    `# Benchmarks

Written by \`${command}\` on ${date}. Do not edit.

Contenders ran side by side in turn, in changing order, ${runs} times each; times are medians, ratios the medians of the ratios of
paired runs. The database is \`bench/database\`: documents, a ledger, events, attachments and small tables. Source, target,
S3 server and contenders share the machine. Stored is what appeared in storage with a backup: new and changed objects, listed before and after
(of borg its segments alone, since its index and hints would be written where it stores).
Before each run of a scenario with changes the database changes anew, once for all contenders. What each contender stored in the first run of each scenario was
restored and compared with the source, and so was what the first run of each restore gave: schema as pg_dump tells it, every row, sequence and large object.
Memory is the most that one process held (Node.js's own; for a pipeline its last program's), and beside it that of all the contender's processes together at one moment, pages they share counted for each.
`,
    [...machine, ...absent].map((line) => `- ${line}\n`).join(""),
    ...rounds.map((one) => renderRound(one)),
    general.length === 0 ? undefined : `## Start\n\n${renderChecks(general)}`,
  ];
  return parts.filter((part) => part !== undefined).join("\n");
}

function renderRound({ round, checks }: JudgedRound): string {
  const { databaseBytes, scenarios, restores, parts, churn } = round;
  const sections = [
    `## A database of ${megabytes(databaseBytes)}\n`,
    parts === undefined ? undefined : renderParts(parts),
    checks.length === 0 ? undefined : `### Budgets\n\n${renderChecks(checks)}`,
    ...scenarios
      .filter(({ series }) => series.length > 0)
      .map((scenario) => `### ${scenario.title}\n\n${renderScenario(round, scenario)}`),
    restores.length === 0 ? undefined : `### Restore\n\n${renderRestores(restores)}`,
    churn === undefined ? undefined : renderChurn(churn),
  ];
  return sections.filter((section) => section !== undefined).join("\n");
}

function renderParts({ text, manifest, indexes, archive, packs }: BackupParts): string {
  return `${megabytes(text)} of COPY text and schema. The first backup with blocks: packs ${megabytes(packs)} (in them the lists of blocks, ${megabytes(indexes)}), archive ${megabytes(archive)}, manifest ${megabytes(manifest)}.\n`;
}

function renderChecks(checks: readonly Check[]): string {
  const rows = checks.map((check) => [
    check.what,
    check.measured === undefined ? "" : UNITS[check.unit](check.measured),
    `<= ${UNITS[check.unit](check.limit)}`,
    verdictOf(check) === "not judged" ? `not judged: ${check.excuse ?? ""}` : emphasized(verdictOf(check)),
  ]);
  return renderTable(["", "measured", "budget", ""], rows);
}

/** A budget that is not met has to catch the eye. */
function emphasized(verdict: string): string {
  return verdict === "not met" ? "**not met**" : verdict;
}

const UNITS: Readonly<Record<Unit, (value: number) => string>> = {
  ratio: (value) => value.toFixed(2),
  share: percent,
  bytes: megabytes,
  packs: String,
};

function renderScenario(round: Round, { id, series }: ScenarioResult): string {
  const baseline = seriesOf(round, id, BASELINE_BACKUP);
  const rows = series.map((one: BackupSeries) => {
    const share = id === "first" ? undefined : shareOfFirst(round, id, one.id);
    return [
      one.name,
      one.where,
      ...times(one, one === baseline ? undefined : baseline),
      megabytes(medianBytes(one)),
      ...(id === "first" ? [] : [share === undefined ? "" : percent(share)]),
      ...memory(one),
    ];
  });
  const share = id === "first" ? [] : ["of its first"];
  const header = ["", "to", "wall time", "ratio", "stored", ...share, "memory", "all processes"];
  return renderTable(header, rows);
}

function renderRestores(restores: readonly Series[]): string {
  const baseline = restores.find(({ id }) => id === BASELINE_RESTORE);
  const rows = restores.map((one) => [
    one.name,
    ...times(one, one === baseline ? undefined : baseline),
    ...memory(one),
  ]);
  return renderTable(["", "wall time", "ratio", "memory", "all processes"], rows);
}

function renderChurn({ backups, first, last }: ChurnResult): string {
  const rows = backups.map(({ added, total, seconds }, index) => [
    String(index + 1),
    `${seconds.toFixed(1)} s`,
    megabytes(added),
    percent(added / (backups[0]?.added ?? Number.NaN)),
    megabytes(total),
  ]);
  const restores = [first, last].map((one) => [
    one.name,
    ...times(one, one === first ? undefined : first),
    ...memory(one),
  ]);
  return `### ${backups.length} backups of a churning database

Before each but the first, 0.5 % of the rows are appended, 0.1 % of recent and 1 % of all rows of the large tables updated, and 0.3 % deleted; then VACUUM.
\`format: blocks\`, to S3.

${renderTable(["", "wall time", "stored", "of the first", "in storage"], rows)}
Restored with nothing cached:

${renderTable(["", "wall time", "ratio", "memory", "all processes"], restores)}`;
}

function times(series: Series, baseline: Series | undefined): [string, string] {
  const ratio = timeRatio(series, baseline);
  return [
    `${median(series.runs.map(({ seconds }) => seconds)).toFixed(1)} s`,
    ratio === undefined ? "" : ratio.toFixed(2),
  ];
}

function memory({ runs }: Series): [string, string] {
  const most = (values: readonly (number | undefined)[]): string => {
    const known = values.filter((value) => value !== undefined);
    return known.length === 0 ? "" : megabytes(Math.max(...known));
  };
  return [most(runs.map(({ peakBytes }) => peakBytes)), most(runs.map(({ treePeakBytes }) => treePeakBytes))];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}
