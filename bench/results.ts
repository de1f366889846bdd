import { median, type Measurement } from "./measure.ts";

/** What one backup came to. */
export interface BackupRun extends Measurement {
  /** Bytes that appeared in storage. */
  bytes: number;
  /** Packs among what appeared. */
  packs: number;
}

/** A contender's runs. */
export interface Series<Run extends Measurement = Measurement> {
  id: string;
  name: string;
  runs: readonly Run[];
}

export interface BackupSeries extends Series<BackupRun> {
  where: string;
}

export type ScenarioId = "first" | "unchanged" | "four-hours" | "random";

export interface ScenarioResult {
  id: ScenarioId;
  title: string;
  series: readonly BackupSeries[];
}

/** What a backup with blocks consists of, in bytes. */
export interface BackupParts {
  /** COPY text and all else, before compression. */
  text: number;
  manifest: number;
  /** The lists of blocks. */
  indexes: number;
  archive: number;
  /** All packs it needs, whole. */
  packs: number;
}

export interface ChurnResult {
  /** For each backup: bytes that it added, and bytes in storage after it. */
  backups: readonly { added: number; total: number; seconds: number }[];
  first: Series;
  last: Series;
  /** Of the last backup. */
  parts: BackupParts;
}

/** All that was measured with a database of one size. */
export interface Round {
  /** Of the source, in bytes, as `pg_database_size` says. */
  databaseBytes: number;
  scenarios: readonly ScenarioResult[];
  restores: readonly Series[];
  /** Of the first backup with blocks; undefined where there was none. */
  parts: BackupParts | undefined;
  churn: ChurnResult | undefined;
}

export const BASELINE_BACKUP = "pg-dump";
export const BASELINE_RESTORE = "pg-restore";

/** The median of the ratios of wall times, run by run, so that what slowed both down in one run counts for neither. */
export function timeRatio(series: Series, baseline: Series | undefined): number | undefined {
  if (baseline === undefined) return undefined;
  const ratios = series.runs.flatMap(({ seconds }, run) => {
    const other = baseline.runs[run];
    return other === undefined ? [] : [seconds / other.seconds];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

export function medianBytes({ runs }: BackupSeries): number {
  return median(runs.map(({ bytes }) => bytes));
}

/** A contender's series in a scenario of a round. */
export function seriesOf(round: Round, scenario: ScenarioId, id: string): BackupSeries | undefined {
  return round.scenarios.find((one) => one.id === scenario)?.series.find((one) => one.id === id);
}

/** Bytes that a contender uploads, as a share of those of its first backup. */
export function shareOfFirst(round: Round, scenario: ScenarioId, id: string): number | undefined {
  const [first, later] = [seriesOf(round, "first", id), seriesOf(round, scenario, id)];
  if (first === undefined || later === undefined) return undefined;
  return medianBytes(later) / medianBytes(first);
}
