/**
 * Measures dataops beside stock programs, restic and borg, in turn, on servers of its own: `npm run bench -- --size 1.25GB --runs 3`.
 * Checks that every restored database equals the source. With `--write` it writes docs/benchmarks.md. Exits with 1 where a budget is not met.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { checksOf, helpCheck, verdictOf } from "./budgets.ts";
import { playChurn } from "./churn.ts";
import { measureHelp } from "./help-time.ts";
import { describeMachine, versionOf } from "./machine.ts";
import { CHURN, HELP, parseOptions, type Options } from "./options.ts";
import { renderReport, type JudgedRound } from "./report.ts";
import type { Round } from "./results.ts";
import { BACKUPS, playRound, RESTORES } from "./round.ts";
import { megabytes } from "./size.ts";
import { setStage, type Stage } from "./stage.ts";
import { say } from "./say.ts";

const REPORT = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));
/** Of `--help`, which takes a few dozen milliseconds. */
const HELP_RUNS = 20;
/** Contenders that are measured where their program is found. */
const OPTIONAL_PROGRAMS = ["restic", "borg"];

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const contenders = Object.keys({ ...BACKUPS, ...RESTORES });
  const options = parseOptions(args, [...contenders, CHURN, HELP]);
  const missing = await missingPrograms();
  const isWanted = (id: string): boolean => options.isWanted(id) && !missing.includes(id);

  const machine: string[] = [];
  const rounds: JudgedRound[] = [];
  for (const size of options.sizes) {
    const { round, lines } = await measureSize(size, { ...options, isWanted });
    if (machine.length === 0) machine.push(...lines);
    rounds.push({ round, checks: checksOf(round) });
  }
  const general = isWanted(HELP) ? [helpCheck(await helpRatio())] : [];

  const report = renderReport(rounds, general, {
    runs: options.runs,
    command: ["npm run bench", ...(args.length === 0 ? [] : ["--", ...args])].join(" "),
    date: new Date().toISOString().slice(0, 10),
    machine,
    absent: absences(contenders, options, missing),
  });
  process.stdout.write(`\n${report}`);
  if (options.write) await writeFile(REPORT, report);
  const checks = [...rounds.flatMap((round) => round.checks), ...general];
  if (checks.some((check) => verdictOf(check) === "not met")) process.exitCode = 1;
}

/** On servers of its own, since Ceph keeps what was deleted for hours. */
async function measureSize(size: number, options: Options): Promise<{ round: Round; lines: string[] }> {
  say(`a database of about ${megabytes(size)}`);
  const { round, lines } = await onStage(async (stage) => ({
    round: await playRound(stage, { ...options, size }),
    lines: await describeMachine(stage),
  }));
  if (!options.churn) return { round, lines };
  const churn = await onStage((stage) => playChurn(stage, { size, runs: options.runs }));
  return { round: { ...round, churn }, lines };
}

async function onStage<T>(play: (stage: Stage) => Promise<T>): Promise<T> {
  await using cleanup = new AsyncDisposableStack();
  let ending: Promise<void> | undefined;
  const end = (signal: NodeJS.Signals): void => {
    // What is being measured fails without its servers.
    ending ??= cleanup.disposeAsync().finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, end);
    cleanup.defer(() => void process.off(signal, end));
  }
  try {
    return await play(await setStage(cleanup));
  } catch (error) {
    await ending;
    throw error;
  }
}

async function missingPrograms(): Promise<string[]> {
  const versions = await Promise.all(OPTIONAL_PROGRAMS.map((program) => versionOf(program)));
  return OPTIONAL_PROGRAMS.filter((_, index) => versions[index] === undefined);
}

/** What the tables lack, in words. */
function absences(ids: readonly string[], { isWanted }: Options, missing: readonly string[]): string[] {
  const leftOut = ids.filter((id) => !isWanted(id));
  return [
    ...missing.filter((id) => isWanted(id)).map((id) => `Not measured, since it is not installed: ${id}`),
    ...(leftOut.length === 0 ? [] : [`Left out by \`--only\`: ${leftOut.join(", ")}`]),
  ];
}

async function helpRatio(): Promise<number> {
  say("--help");
  const { built } = await measureHelp(HELP_RUNS);
  return built.ratio;
}

await main();
