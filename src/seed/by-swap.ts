import { connectMaintenance } from "../replace/guard/target-facts.ts";
import { clearLeftovers } from "../replace/scratch/leftovers.ts";
import { rehearseSwap, swap } from "../replace/swap/swap.ts";
import { keepTemplate, removeUnwanted, type TemplateSource } from "../replace/template/keep.ts";
import { copyTemplate } from "../replace/template/use.ts";
import { buildFromSeeds } from "./build.ts";
import type { SeedPlan } from "./plan.ts";
import { prepare, type Preparation } from "./prepare.ts";
import type { ResetResult, Run } from "./run.ts";

/**
 * Builds a database beside the target, or copies the template of the last reset, and puts it in the target's place.
 *
 * @throws DataopsError as the steps do: then the target is what it was; after an abort: the signal's reason
 */
export async function resetBySwap(run: Run, plan: SeedPlan): Promise<ResetResult> {
  const { settings, target, applicationName, signal, environment } = run;
  const connection = { applicationName, signal, environment };
  await using maintenance = await connectMaintenance(target.connection, connection);
  const preparation = await prepare(run, plan, maintenance);
  const { permission, identity } = preparation;
  await rehearseSwap(permission);
  await clearLeftovers(maintenance, permission.name);

  const { built, fromTemplate } = await build(run, preparation);
  await using scratch = built.scratch;
  await scratch.handOver();
  const { old } = await swap(permission, {
    scratch: scratch.name,
    runId: run.runId,
    keepOld: settings.keepOld,
    force: run.force || settings.endSessions,
    waitForSessions: settings.waitForSessions,
    reporter: run.reporter,
    connection,
  });
  scratch.release();
  return { identity, old, leftOut: built.leftOut, fromTemplate };
}

async function build(
  run: Run,
  { build: request, permission, who, templates, whyNoTemplate, isUnchanged }: Preparation,
): Promise<{ built: TemplateSource; fromTemplate: boolean }> {
  if (templates === undefined) {
    run.reporter.info(`built from its inputs each time: ${whyNoTemplate}`);
    if (run.settings.template === false) await removeUnwanted(permission, who, run);
    return { built: await buildFromSeeds(run, request), fromTemplate: false };
  }
  const copied = await copyTemplate(run, templates, {
    owner: request.owner,
    source: request.source,
    asSuperuser: run.asSuperuser,
    // All that it was made of is the same, and what is expected of it was looked at when it was made.
    check: async () => undefined,
  });
  if (copied !== undefined) return { built: copied, fromTemplate: true };
  const built = await buildFromSeeds(run, request);
  try {
    if (await isUnchanged()) await keepTemplate(run, templates, built);
    else run.reporter.info("no template is kept: a file has changed since it was read");
  } catch (error) {
    await built.scratch[Symbol.asyncDispose]();
    throw error;
  }
  return { built, fromTemplate: false };
}
