import { messageOf } from "../../errors.ts";
import { digestOfManifest } from "../../repository/manifest.ts";
import { checkRowsOf, type Built, type BuildSite } from "../build.ts";
import type { Run } from "../run.ts";
import { templateRoleName } from "../../replace/scratch/names.ts";
import { createScratch } from "../../replace/scratch/scratch.ts";
import { findTemplate, type FoundTemplate } from "../../replace/template/find.ts";
import type { TemplateSite } from "./keep.ts";
import type { TemplateContent } from "../../replace/template/mark.ts";

/**
 * Builds the scratch database as a copy of the template, where that is of this very backup, made as it would be made now.
 * The rows are counted as after a load.
 *
 * @returns undefined where there is no such template; what is wrong with one is told
 * @throws after an abort: the signal's reason
 */
export async function buildFromTemplate(
  run: Run,
  site: BuildSite,
  templates: TemplateSite,
): Promise<Built | undefined> {
  const { reporter, signal } = run;
  try {
    const found = await findTemplate(site.maintenance, site.target, templates.who);
    if (found.kind !== "ours") return undefined;
    const verdict = judgeTemplate(found.content, {
      backup: run.manifest.id,
      manifest: digestOfManifest(run.manifest),
      recipe: templates.recipe,
    });
    if (verdict === "damaged")
      reporter.warn(`the template ${found.name} does not say what it holds; it is not used`);
    if (verdict !== "usable" || found.content === undefined) return undefined;
    return await copy(run, site, templates, { ...found, content: found.content });
  } catch (error) {
    signal.throwIfAborted();
    reporter.warn(`the template of the last restore cannot be used: ${messageOf(error)}`);
    return undefined;
  }
}

/** Whether a template with this content is what a restore would make. Pure. */
export function judgeTemplate(
  content: TemplateContent | undefined,
  wanted: Pick<TemplateContent, "backup" | "manifest" | "recipe">,
): "usable" | "other" | "damaged" {
  if (content === undefined) return "damaged";
  const isSame =
    content.backup === wanted.backup &&
    content.manifest === wanted.manifest &&
    content.recipe === wanted.recipe;
  return isSame ? "usable" : "other";
}

async function copy(
  run: Run,
  site: BuildSite,
  { who }: TemplateSite,
  template: Extract<FoundTemplate, { kind: "ours" }> & { content: TemplateContent },
): Promise<Built | undefined> {
  const { maintenance, target, owner } = site;
  const { name, oid, content } = template;
  // Until its run has ended, the role that owns what is in it owns that run's scratch database, too.
  if (who.isSuperuser && !(await hasRole(site, content.run))) {
    run.reporter.info(
      `the template ${name} is not used: the restore that made it has not ended, or was killed`,
    );
    return undefined;
  }
  run.reporter.info(`copying ${name}, the template of the last restore, for ${target}`);
  await using acquired = new AsyncDisposableStack();
  const scratch = acquired.use(
    await createScratch(maintenance, {
      ...run,
      target,
      source: run.manifest.source,
      owner,
      template: { name, run: content.run, locale: content.locale },
    }),
  );
  const present = await findTemplate(maintenance, target, who);
  if (present.kind !== "ours" || present.oid !== oid) throw new Error("another restore has just replaced it");
  const missingExtensions = new Set(content.missingExtensions);
  await checkRowsOf(run.manifest, scratch, missingExtensions);
  acquired.move();
  return { scratch, leftOut: content.leftOut, missingExtensions, downloaded: 0 };
}

async function hasRole({ maintenance }: BuildSite, runId: string): Promise<boolean> {
  const roles = await maintenance.query("SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", [
    templateRoleName(runId),
  ]);
  return roles.length > 0;
}
