/**
 * Measures dataops beside stock programs, restic and borg, in turn, on servers of its own: `npm run bench -- --size 1.25GB --runs 3`.
 * Checks that every restored database equals the source. With `--write` it writes docs/benchmarks.md. Exits with 1 where a budget is not met.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { checksOf, helpCheck, verdictOf } from "./budgets.ts";
import type { BackupContender } from "./contender.ts";
import { measureHelp } from "./help-time.ts";
import { describeMachine, isInstalled } from "./machine.ts";
import { CHURN, HELP, parseOptions } from "./options.ts";
import { renderReport, type JudgedRound } from "./report.ts";
import { restoreContenders } from "./restores.ts";
import { backupContenders, playRound } from "./round.ts";
import { setStage } from "./stage.ts";
import { say } from "./turns.ts";

const REPORT = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));
/** Of `--help`, which takes a few dozen milliseconds. */
const HELP_RUNS = 20;
/** Contenders that are measured where their program is found. */
const OPTIONAL_PROGRAMS = ["restic", "borg"];

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  await using cleanup = new AsyncDisposableStack();
  const stage = await setStage(cleanup);
  const all = { backups: backupContenders(stage), restores: restoreContenders(stage) };
  const ids = [...all.backups, ...all.restores].map(({ id }) => id);
  const { sizes, runs, churn, write, isWanted } = parseOptions(args, [...ids, CHURN, HELP]);

  const missing = await missingPrograms();
  const backups = all.backups.filter(({ id }) => isWanted(id) && !missing.includes(id));
  const restores = all.restores.filter(({ id }) => isWanted(id));
  const rounds: JudgedRound[] = [];
  for (const size of sizes) {
    const round = await playRound(stage, { size, runs, backups, restores, churn });
    rounds.push({ round, checks: checksOf(round) });
  }
  const general = isWanted(HELP) ? [helpCheck(await helpRatio())] : [];

  const report = renderReport(rounds, general, {
    runs,
    command: ["npm run bench", ...(args.length === 0 ? [] : ["--", ...args])].join(" "),
    date: new Date().toISOString().slice(0, 10),
    machine: await describeMachine(stage),
    absent: all.backups.flatMap((contender) => absence(contender, missing, isWanted)),
  });
  process.stdout.write(`\n${report}`);
  if (write) await writeFile(REPORT, report);
  const checks = [...rounds.flatMap((round) => round.checks), ...general];
  if (checks.some((check) => verdictOf(check) === "not met")) process.exitCode = 1;
}

async function missingPrograms(): Promise<string[]> {
  const found = await Promise.all(OPTIONAL_PROGRAMS.map((program) => isInstalled(program)));
  return OPTIONAL_PROGRAMS.filter((_, index) => found[index] === false);
}

function absence(
  { id, name }: BackupContender,
  missing: readonly string[],
  isWanted: (id: string) => boolean,
): string[] {
  if (missing.includes(id)) return [`Not measured: ${name}: it is not installed`];
  return isWanted(id) ? [] : [`Not measured: ${name}: it was left out`];
}

async function helpRatio(): Promise<number> {
  say("--help");
  const { built } = await measureHelp(HELP_RUNS);
  return built.ratio;
}

await main();
