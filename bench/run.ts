/**
 * Measures dataops beside the stock programs, in turn, on servers of its own: `npm run bench -- --size 1GB --runs 3`.
 * Checks that every restored database equals the source, and writes docs/benchmarks.md.
 */
import { stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareDatabases } from "../test/support/compare-databases.ts";
import { settingsFor } from "../test/support/postgres-servers.ts";
import {
  dataopsBackup,
  dataopsFetch,
  publishArchive,
  stockBackup,
  stockRestore,
  storedBytes,
  type Contender,
} from "./contenders.ts";
import type { Measurement } from "./measure.ts";
import { ratioOf, renderReport, type Round, type Series } from "./report.ts";
import { megabytes, parseSize } from "./size.ts";
import { fillSource, setStage, SOURCE_DATABASE, type Stage } from "./stage.ts";

/** The budgets of this version: wall time, as a share of the stock programs'. */
const BUDGETS = { backup: 0.5, restore: 0.8 };

const REPORT = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      size: { type: "string", default: ["100MB"], multiple: true },
      runs: { type: "string", default: "3" },
      /** Without it the report goes to stdout only. */
      write: { type: "boolean", default: false },
    },
  });
  const sizes = values.size.map(parseSize);
  const runs = Number(values.runs);
  await using cleanup = new AsyncDisposableStack();
  const stage = await setStage(cleanup);
  const rounds: Round[] = [];
  for (const size of sizes) rounds.push(await playRound(stage, size, runs));
  const report = renderReport(rounds, {
    runs,
    serverVersion: String(stage.source.version),
    clientVersion: stage.programs,
    command: `npm run bench -- ${process.argv.slice(2).join(" ")}`,
    date: new Date().toISOString().slice(0, 10),
  });
  process.stdout.write(`\n${report}`);
  if (values.write) await writeFile(REPORT, report);
  if (rounds.some(({ backup, restore }) => [...backup, ...restore].some(isOverBudget))) process.exitCode = 1;
}

function isOverBudget(series: Series): boolean {
  const budget = series.baseline?.budget;
  return budget !== undefined && (ratioOf(series) ?? 0) > budget;
}

async function playRound(stage: Stage, size: number, runs: number): Promise<Round> {
  say(`making a database of about ${megabytes(size)}`);
  const databaseBytes = await fillSource(stage, size);

  const stock = stockBackup(stage);
  const [baseline, toS3, toFile] = await takeTurns(
    [stock, dataopsBackup(stage, "s3"), dataopsBackup(stage, "file")],
    runs,
    stage,
  );
  const stored = await storedBytes(stage);
  const backup: Series = { ...named(baseline), bytes: (await stat(stock.archive)).size };

  await publishArchive(stage, stock.archive);
  const [restored, cold, warm] = await takeTurns(
    [stockRestore(stage), dataopsFetch(stage, "empty"), dataopsFetch(stage, "filled")],
    runs,
    stage,
  );
  const restore = named(restored);
  return {
    databaseBytes,
    backup: [
      backup,
      { ...named(toS3), bytes: stored, baseline: { series: backup, budget: BUDGETS.backup } },
      { ...named(toFile), bytes: stored, baseline: { series: backup, budget: BUDGETS.backup } },
    ],
    restore: [
      restore,
      { ...named(cold), baseline: { series: restore, budget: BUDGETS.restore } },
      { ...named(warm), baseline: { series: restore } },
    ],
  };
}

interface Runs {
  contender: Contender;
  runs: Measurement[];
}

/** Every contender once per run; who begins changes. What the first run of each restored is compared with the source. */
async function takeTurns(contenders: readonly Contender[], count: number, stage: Stage): Promise<Runs[]> {
  const results = contenders.map((contender): Runs => ({ contender, runs: [] }));
  for (let run = 0; run < count; run += 1) {
    for (let turn = 0; turn < results.length; turn += 1) {
      const result = results[(run + turn) % results.length];
      if (result === undefined) continue;
      await result.contender.prepare();
      const measurement = await result.contender.run();
      result.runs.push(measurement);
      say(`${result.contender.name}: ${measurement.seconds.toFixed(1)} s`);
      if (run === 0) await verify(stage, result.contender);
    }
  }
  return results;
}

function named(result: Runs | undefined): Series {
  if (result === undefined) throw new Error("every contender has its runs");
  return { name: result.contender.name, runs: result.runs };
}

async function verify(stage: Stage, contender: Contender): Promise<void> {
  const database = contender.restores;
  if (database === undefined) return;
  const differences = await compareDatabases(
    settingsFor(stage.source, { database: SOURCE_DATABASE }),
    settingsFor(stage.target, { database }),
  );
  if (differences.length > 0)
    throw new Error(`${contender.name}: the copy differs:\n${differences.slice(0, 20).join("\n")}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
