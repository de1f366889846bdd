import { FIRST_BACKUP, LATER_BACKUPS, playScenario } from "./backups.ts";
import { playChurn } from "./churn.ts";
import type { BackupContender, RestoreContender } from "./contender.ts";
import { borg, restic } from "./contenders/deduplicating.ts";
import { dataopsBackup } from "./contenders/dataops.ts";
import { pgDumpCustom, pgDumpDirectory } from "./contenders/pg-dump.ts";
import { fillSource } from "./database.ts";
import { readParts } from "./parts.ts";
import { playRestores } from "./restores.ts";
import type { BackupParts, Round, ScenarioResult } from "./results.ts";
import { megabytes } from "./size.ts";
import { openStorageOf, type Stage } from "./stage.ts";
import { say } from "./turns.ts";

/** Every way to back up. The baseline first. */
export function backupContenders(stage: Stage): BackupContender[] {
  return [
    pgDumpCustom(stage),
    pgDumpDirectory(stage),
    restic(stage),
    borg(stage),
    dataopsBackup(stage, { format: "archive", where: "S3" }),
    dataopsBackup(stage, { format: "archive", where: "a folder" }),
    dataopsBackup(stage, { format: "blocks", where: "S3" }),
    dataopsBackup(stage, { format: "blocks", where: "a folder" }),
  ];
}

export interface RoundPlan {
  /** Bytes of the database. */
  size: number;
  runs: number;
  backups: readonly BackupContender[];
  restores: readonly RestoreContender[];
  churn: boolean;
}

/** Measures everything with a database of one size. Leaves nothing stored. */
export async function playRound(stage: Stage, plan: RoundPlan): Promise<Round> {
  const { size, runs, backups, restores, churn } = plan;
  say(`a database of about ${megabytes(size)}`);
  const databaseBytes = await fillSource(stage.source, size);
  const scenarios: ScenarioResult[] = [];
  let parts: BackupParts | undefined;
  const options = { contenders: backups, runs, size };
  if (backups.length > 0) {
    scenarios.push(await playScenario(stage, FIRST_BACKUP, options));
    parts = await firstParts(stage, backups);
  }
  const restored = await playRestores(stage, restores, runs);
  if (backups.length > 0) {
    for (const scenario of LATER_BACKUPS) scenarios.push(await playScenario(stage, scenario, options));
  }
  for (const { place } of backups) await place.empty();
  return {
    databaseBytes,
    scenarios,
    restores: restored,
    parts,
    churn: churn ? await playChurn(stage, { size, runs }) : undefined,
  };
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
