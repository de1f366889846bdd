import { FIRST_BACKUP, LATER_BACKUPS, playScenario } from "./backups.ts";
import type { BackupContender, RestoreContender } from "./contender.ts";
import { borg, restic } from "./contenders/deduplicating.ts";
import { dataopsBackup } from "./contenders/dataops.ts";
import { pgDumpCustom, pgDumpDirectory } from "./contenders/pg-dump.ts";
import { downloadAndRestore, fetchAgain, fetchCold } from "./contenders/restores.ts";
import { fillSource } from "./database.ts";
import { readParts } from "./parts.ts";
import { playRestores } from "./restores.ts";
import type { BackupParts, Round, ScenarioResult } from "./results.ts";
import { openStorageOf, type Stage } from "./stage.ts";

/** Every way to back up, by its id. The baseline first. */
export const BACKUPS: Readonly<Record<string, (stage: Stage) => BackupContender>> = {
  "pg-dump": pgDumpCustom,
  "pg-dump-directory": pgDumpDirectory,
  restic,
  borg,
  "archive-s3": (stage) => dataopsBackup(stage, { format: "archive", where: "S3" }),
  "archive-folder": (stage) => dataopsBackup(stage, { format: "archive", where: "a folder" }),
  "blocks-s3": (stage) => dataopsBackup(stage, { format: "blocks", where: "S3" }),
  "blocks-folder": (stage) => dataopsBackup(stage, { format: "blocks", where: "a folder" }),
};

/** Every way to bring the newest backup into a database, by its id. The baseline first. */
export const RESTORES: Readonly<Record<string, (stage: Stage) => RestoreContender>> = {
  "pg-restore": downloadAndRestore,
  "fetch-archive": (stage) => fetchCold(stage, "archive"),
  "fetch-blocks": (stage) => fetchCold(stage, "blocks"),
  "fetch-again": (stage) => fetchAgain(stage, "blocks"),
};

export interface RoundPlan {
  /** Bytes of the database. */
  size: number;
  runs: number;
  /** Whether the contender with that id takes part. */
  isWanted: (id: string) => boolean;
}

/** Measures backups and restores with a database of one size. */
export async function playRound(stage: Stage, { size, runs, isWanted }: RoundPlan): Promise<Round> {
  const backups = chosen(BACKUPS, stage, isWanted);
  const restores = chosen(RESTORES, stage, isWanted);
  const databaseBytes = await fillSource(stage.source, size);
  const options = { contenders: backups, runs, size };
  const first = await playScenario(stage, FIRST_BACKUP, options);
  const parts = await firstParts(stage, backups);
  const restored = await playRestores(stage, restores, runs);
  const later: ScenarioResult[] = [];
  for (const scenario of LATER_BACKUPS) later.push(await playScenario(stage, scenario, options));
  return { databaseBytes, scenarios: [first, ...later], restores: restored, parts, churn: undefined };
}

function chosen<Contender>(
  all: Readonly<Record<string, (stage: Stage) => Contender>>,
  stage: Stage,
  isWanted: (id: string) => boolean,
): Contender[] {
  return Object.entries(all).flatMap(([id, make]) => (isWanted(id) ? [make(stage)] : []));
}

async function firstParts(
  stage: Stage,
  backups: readonly BackupContender[],
): Promise<BackupParts | undefined> {
  const where = (["S3", "a folder"] as const).find((one) =>
    backups.some(({ id }) => id === (one === "S3" ? "blocks-s3" : "blocks-folder")),
  );
  return where === undefined ? undefined : readParts(openStorageOf(stage, { format: "blocks", where }));
}
