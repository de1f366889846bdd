import { messageOf } from "../../errors.ts";
import type { BuildSite } from "../build.ts";
import { readArrival } from "../../replace/guard/arrival.ts";
import type { Permission } from "../../replace/guard/destructive.ts";
import { isProduction } from "../../replace/guard/guard.ts";
import type { Run } from "../run.ts";
import { readConnectingRole } from "../../replace/scratch/connecting-role.ts";
import { findTemplate } from "../../replace/template/find.ts";
import { removeTemplate, type TemplateSite } from "./keep.ts";
import { digestRecipe, readRecipe } from "./recipe.ts";

/**
 * Finds out whether templates are kept of the target, and what one would have to be made by. Drops one that is not wanted
 * any more.
 *
 * @returns undefined where none is kept
 * @throws DataopsError `notPermitted` where the role may not make a database for the owner
 */
export async function planTemplates(
  run: Run,
  permission: Permission,
  site: BuildSite,
): Promise<TemplateSite | undefined> {
  const { maintenance } = site;
  const who = await readConnectingRole(maintenance, site);
  const { isLocal } = await readArrival(maintenance);
  if (!keepsTemplate(run.settings.template, { isLocal, environment: run.target.environment })) {
    await removeUnwanted(run, permission, who);
    return undefined;
  }
  const { source } = run.manifest;
  const { skipExtensions } = run.settings;
  const { asSuperuser } = run;
  const recipe = await readRecipe(maintenance, { ...site, source, who, asSuperuser, skipExtensions });
  return { permission, who, isLocal, recipe: digestRecipe(recipe) };
}

async function removeUnwanted(
  { reporter, signal }: Run,
  permission: Permission,
  who: TemplateSite["who"],
): Promise<void> {
  try {
    const found = await findTemplate(permission.maintenance, permission.name, who);
    if (found.kind !== "ours") return;
    await removeTemplate(permission, found);
    reporter.info(`dropped ${found.name}, the template of an earlier restore`);
  } catch (error) {
    signal.throwIfAborted();
    reporter.warn(`the template of an earlier restore could not be dropped: ${messageOf(error)}`);
  }
}

/**
 * Whether a template is kept where the configuration says this. By default on this machine's own server only: a copy of
 * production's size is nothing that others' servers get unasked. Pure.
 */
export function keepsTemplate(
  configured: boolean | undefined,
  { isLocal, environment }: { isLocal: boolean; environment: string },
): boolean {
  return configured ?? (isLocal && !isProduction(environment));
}
