import type { BuildSite } from "../build.ts";
import { readArrival } from "../../replace/guard/arrival.ts";
import type { Permission } from "../../replace/guard/destructive.ts";
import { isProduction } from "../../replace/guard/guard.ts";
import type { Run } from "../run.ts";
import { readConnectingRole } from "../../replace/scratch/connecting-role.ts";
import { removeUnwanted, type TemplateSite } from "../../replace/template/keep.ts";
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
    await removeUnwanted(permission, who, run);
    return undefined;
  }
  const { manifest } = run;
  const { skipExtensions } = run.settings;
  const { asSuperuser } = run;
  const recipe = await readRecipe(maintenance, { ...site, manifest, who, asSuperuser, skipExtensions });
  return { permission, who, isLocal, origin: `backup ${manifest.id}`, digest: digestRecipe(recipe) };
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
