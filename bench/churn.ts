import { quoteIdentifier } from "../src/postgres/quote.ts";
import { listBackups } from "../src/repository/catalogue.ts";
import { backUp } from "./backups.ts";
import { dataopsBackup } from "./contenders/dataops.ts";
import { restoreCold } from "./contenders/restores.ts";
import type { RestoreContender } from "./contender.ts";
import { changeSource, fillSource } from "./database.ts";
import { readParts } from "./parts.ts";
import { totalSize } from "./place.ts";
import { takeTurns } from "./restores.ts";
import type { ChurnResult } from "./results.ts";
import { drop, openStorageOf, runStatement, SOURCE_DATABASE, type Setup, type Stage } from "./stage.ts";
import { say } from "./say.ts";

/** Two days of a backup every four hours. */
const BACKUPS = 12;
const SETUP: Setup = { format: "blocks", where: "S3" };
/** The source as the first backup has it, to compare its restore with. */
const FIRST_STATE = "production_at_first";

/**
 * Backs up a database that changes all over between backups, then restores the first and the last, in turn, with
 * nothing cached, `runs` times.
 */
export async function playChurn(
  stage: Stage,
  { size, runs }: { size: number; runs: number },
): Promise<ChurnResult> {
  say(`${BACKUPS} backups of a churning database`);
  await fillSource(stage.source, size);
  const contender = dataopsBackup(stage, SETUP);
  await contender.reset();
  const backups = [];
  for (let round = 0; round < BACKUPS; round += 1) {
    if (round > 0) await changeSource(stage.source, { change: "churn", size, round });
    const { bytes, seconds } = await backUp(contender);
    const total = totalSize(await contender.place.list());
    backups.push({ added: bytes, total, seconds });
    say(`  ${round + 1}: ${(bytes / 1e6).toFixed(2)} MB`);
    if (round === 0) await keepFirstState(stage);
  }
  const [first, last] = await restoreFirstAndLast(stage, runs);
  const parts = await readParts(openStorageOf(stage, SETUP));
  await drop(stage.source, FIRST_STATE);
  return { backups, first, last, parts };
}

async function keepFirstState({ source }: Stage): Promise<void> {
  const [copy, original] = [FIRST_STATE, SOURCE_DATABASE].map((name) => quoteIdentifier(name));
  await drop(source, FIRST_STATE);
  await runStatement(source, `CREATE DATABASE ${copy} TEMPLATE ${original}`);
}

async function restoreFirstAndLast(
  stage: Stage,
  runs: number,
): Promise<[ChurnResult["first"], ChurnResult["last"]]> {
  const { backups } = await listBackups(openStorageOf(stage, SETUP), SOURCE_DATABASE);
  const ids = backups.map(({ manifest }) => manifest.id).toSorted();
  const contender = (name: string, backup: string | undefined): RestoreContender => ({
    ...restoreCold(stage, SETUP.format, backup ?? ""),
    id: `churn-${name}`,
    name: `the ${name} backup`,
  });
  const contenders = [contender("first", ids.at(0)), contender("last", ids.at(-1))];
  const expected = new Map([["churn-first", FIRST_STATE]]);
  const [first, last] = await takeTurns(stage, contenders, { runs, expected });
  if (first === undefined || last === undefined) throw new Error("two contenders make two series");
  return [first, last];
}
