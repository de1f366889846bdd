import { findProgram } from "../replace/after/program.ts";
import { connectMaintenance } from "../replace/guard/target-facts.ts";
import type { TargetIdentity } from "../replace/guard/identity.ts";
import { findTemplate } from "../replace/template/find.ts";
import { judgeTemplate } from "../replace/template/use.ts";
import { makeBackupId } from "../repository/backup-id.ts";
import { resetBySwap } from "./by-swap.ts";
import { connectToReset, resetInPlace } from "./in-place.ts";
import { planSeed, type SeedPlan } from "./plan.ts";
import { prepare } from "./prepare.ts";
import { stampNew } from "./stamp-new.ts";
import type { ResetResult, Run, SeedDependencies, SeedRequest } from "./run.ts";

export interface SeedOutcome extends ResetResult {
  /** What failed of the jobs that follow, each as one line. */
  failedJobs: string[];
  /** Milliseconds that all of it took. */
  duration: number;
}

/**
 * Resets one database to its seeds.
 *
 * Order: files found; guard; schema, seeds and expectations in a scratch database, or a copy of what the same inputs made
 * last; swap; the jobs that follow. Until the swap, and after any failure or abort, the target answers as if nothing had
 * happened.
 *
 * @throws DataopsError as the steps do; after an abort: the signal's reason
 */
export async function runSeed(dependencies: SeedDependencies, request: SeedRequest): Promise<SeedOutcome> {
  const started = dependencies.now();
  const run = startRun(dependencies, request, started);
  const plan = await findInputs(run);
  const reset = run.settings.strategy === "schema" ? resetInPlace : resetBySwap;
  const result = await reset(run, plan);
  // The guard lets nothing else without a stamp be reset.
  if (result.identity.stamp === null) await stampNew(run);
  const { target, settings, runId } = run;
  const done = { target: target.name, database: result.identity.databaseName, runId };
  const failedJobs = await run.runThen(settings.thenJobs, done);
  return { ...result, failedJobs, duration: run.now() - started };
}

/** What a reset would do. */
export interface SeedPreview {
  /** The database that it would be done to. */
  identity: TargetIdentity;
  strategy: "scratch" | "schema";
  /** The backup whose schema it would have; undefined where it is none's. */
  backup: string | undefined;
  /** Names of files and programs, in order. */
  schema: string[];
  seeds: string[];
  /** Whether what the last reset made would be copied. */
  fromTemplate: boolean;
}

/**
 * Finds out what a reset would do, and to which database. Every check that needs no change is made; nothing is changed.
 *
 * @throws DataopsError as `runSeed` would before it begins
 */
export async function previewSeed(
  dependencies: SeedDependencies,
  request: SeedRequest,
): Promise<SeedPreview> {
  const run = startRun(dependencies, request, dependencies.now());
  const plan = await findInputs(run);
  const { strategy } = run.settings;
  const steps = {
    strategy,
    schema: plan.schema.map(({ name }) => name),
    seeds: plan.seeds.map(({ name }) => name),
  };
  if (strategy === "schema") {
    await using site = await connectToReset(run);
    return { ...steps, identity: site.identity, backup: undefined, fromTemplate: false };
  }
  const { target, applicationName, signal, environment } = run;
  await using maintenance = await connectMaintenance(target.connection, {
    applicationName,
    signal,
    environment,
  });
  const { identity, templates, backup } = await prepare(run, plan, maintenance);
  const found =
    templates === undefined
      ? undefined
      : await findTemplate(maintenance, identity.databaseName, templates.who);
  const isUsable =
    found?.kind === "ours" && judgeTemplate(found.content, templates?.digest ?? "") === "usable";
  return { ...steps, identity, backup, fromTemplate: isUsable };
}

function startRun(dependencies: SeedDependencies, request: SeedRequest, now: number): Run {
  const runId = makeBackupId(now);
  return { ...dependencies, ...request, runId, applicationName: `dataops:${runId}` };
}

/** Before anything is connected to: what is missing is better known by day. */
async function findInputs(run: Run): Promise<SeedPlan> {
  const { settings, folder, environment } = run;
  const plan = await planSeed(settings, folder);
  for (const step of [...plan.schema, ...plan.seeds]) {
    if (step.kind !== "command") continue;
    await findProgram(step.command[0] ?? "", { folder, environment, name: step.name });
  }
  return plan;
}
