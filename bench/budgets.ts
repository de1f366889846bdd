import {
  BASELINE_BACKUP,
  BASELINE_RESTORE,
  seriesOf,
  shareOfFirst,
  timeRatio,
  type BackupParts,
  type ChurnResult,
  type Round,
  type ScenarioId,
  type Series,
} from "./results.ts";
import type { Measurement } from "./measure.ts";

export type Unit = "ratio" | "share" | "bytes" | "packs";

/** Something measured that has a limit. */
export interface Check {
  what: string;
  /** Undefined where it was not measured. */
  measured: number | undefined;
  limit: number;
  unit: Unit;
  /** Why the limit does not count here; undefined where it does. */
  excuse?: string | undefined;
}

export type Verdict = "met" | "not met" | "not judged" | "not measured";

/** Below, what every run costs at least outweighs what the database costs. Bytes of the database. */
const LEAST_JUDGED_SIZE = 1e9;
const TOO_SMALL = "judged from 1 GB on";
const NEEDS_FINGERPRINTS = "needs fingerprints, which are not there yet";

/** Bytes. */
const MEMORY_LIMIT = 200e6;
/** Of `node -e 0`. */
export const HELP_LIMIT = 2;
/** Of the copy of a template alone: a reset of unchanged seeds, until the new database has the name. */
export const SEED_LIMIT = 1.2;

export function verdictOf({ measured, limit, excuse }: Check): Verdict {
  if (measured === undefined || Number.isNaN(measured)) return "not measured";
  if (excuse !== undefined) return "not judged";
  return measured <= limit ? "met" : "not met";
}

/** The performance budget, held against what was measured with one database. Pure. */
export function checksOf(round: Round): Check[] {
  const size = round.databaseBytes < LEAST_JUDGED_SIZE ? TOO_SMALL : undefined;
  return [
    ...BLOCKS.flatMap(({ id, name }) => backupChecks(round, id, name, size)),
    ...ARCHIVES.map(({ id, name }) => backupTime(round, "first", id, { name, limit: 0.5, excuse: size })),
    ...restoreChecks(round, size),
    ...memoryChecks(round),
    ...(round.parts === undefined
      ? []
      : [listsCheck("manifest and lists of blocks, of what is stored", round.parts, size)]),
    ...(round.churn === undefined ? [] : churnChecks(round.churn, size)),
  ].filter(({ measured }) => measured !== undefined);
}

/** @param ratio wall time of `--help`, of `node -e 0` */
export function helpCheck(ratio: number): Check {
  return { what: "`dataops --help`, of `node -e 0`", measured: ratio, limit: HELP_LIMIT, unit: "ratio" };
}

const BLOCKS = [
  { id: "blocks-s3", name: "blocks, S3" },
  { id: "blocks-folder", name: "blocks, a folder" },
];
const ARCHIVES = [
  { id: "archive-s3", name: "archive, S3" },
  { id: "archive-folder", name: "archive, a folder" },
];

type Excuse = string | undefined;

function backupChecks(round: Round, id: string, name: string, size: Excuse): Check[] {
  const unchanged = seriesOf(round, "unchanged", id);
  const packs = unchanged === undefined ? undefined : Math.max(...unchanged.runs.map((run) => run.packs));
  const share = (scenario: ScenarioId, what: string, limit: number): Check => ({
    what: `${what}: bytes, of the first backup's (${name})`,
    measured: shareOfFirst(round, scenario, id),
    limit,
    unit: "share",
    excuse: size,
  });
  return [
    backupTime(round, "first", id, { name, limit: 0.35, excuse: size }),
    { what: `nothing changed: packs (${name})`, measured: packs, limit: 0, unit: "packs" },
    backupTime(round, "unchanged", id, { name, limit: 0.1, excuse: NEEDS_FINGERPRINTS }),
    share("four-hours", "0.6 % changed", 0.01),
    backupTime(round, "four-hours", id, { name, limit: 0.12, excuse: NEEDS_FINGERPRINTS }),
    share("random", "1 % changed at random", 0.015),
  ];
}

const SCENARIO_NAMES: Readonly<Record<ScenarioId, string>> = {
  first: "first backup",
  unchanged: "nothing changed",
  "four-hours": "0.6 % changed",
  random: "1 % changed at random",
};

function backupTime(
  round: Round,
  scenario: ScenarioId,
  id: string,
  { name, limit, excuse }: { name: string; limit: number; excuse: Excuse },
): Check {
  const series = seriesOf(round, scenario, id);
  const baseline = seriesOf(round, scenario, BASELINE_BACKUP);
  return {
    what: `${SCENARIO_NAMES[scenario]}: wall, of \`pg_dump -Fc\` (${name})`,
    measured: series === undefined ? undefined : timeRatio(series, baseline),
    limit,
    unit: "ratio",
    excuse,
  };
}

function restoreChecks({ restores }: Round, excuse: Excuse): Check[] {
  const find = (id: string): Series | undefined => restores.find((one) => one.id === id);
  const check = (id: string, what: string, limit: number): Check => {
    const series = find(id);
    const measured = series === undefined ? undefined : timeRatio(series, find(BASELINE_RESTORE));
    return {
      what: `${what}: wall, of download, then \`pg_restore -j1\``,
      measured,
      limit,
      unit: "ratio",
      excuse,
    };
  };
  return [
    check("fetch-blocks", "fetch, nothing cached (blocks)", 0.6),
    check("fetch-archive", "fetch, nothing cached (archive)", 0.8),
    check("fetch-again", "fetch, same backup again (blocks)", 0.25),
  ];
}

function memoryChecks({ scenarios, restores, churn }: Round): Check[] {
  const ours = ({ id }: Series): boolean => /^(?:archive|blocks|fetch|churn)-/.test(id);
  const backups = scenarios.flatMap(({ series }) => series).filter((series) => ours(series));
  const check = (what: string, series: readonly Series[]): Check => ({
    what,
    measured: peak(series.flatMap(({ runs }) => runs)),
    limit: MEMORY_LIMIT,
    unit: "bytes",
  });
  return [
    check("memory of our process, backups", backups),
    check(
      "memory of our process, restores",
      [...restores, ...(churn === undefined ? [] : [churn.first, churn.last])].filter((series) =>
        ours(series),
      ),
    ),
  ];
}

function churnChecks({ first, last, parts }: ChurnResult, excuse: Excuse): Check[] {
  return [
    {
      what: "churn: wall of restoring the last backup, of the first's",
      measured: timeRatio(last, first),
      limit: 1.2,
      unit: "ratio",
      excuse,
    },
    { ...listsCheck("churn: manifest and lists of the last backup, of what is stored", parts, excuse) },
  ];
}

function listsCheck(what: string, parts: BackupParts, excuse: Excuse): Check {
  const { manifest, indexes, archive, packs } = parts;
  return {
    what,
    measured: (manifest + indexes) / (manifest + archive + packs),
    limit: 0.01,
    unit: "share",
    excuse,
  };
}

function peak(runs: readonly Measurement[]): number | undefined {
  const peaks = runs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}
