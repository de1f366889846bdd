import { messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import type { SourceLocale } from "../scratch/locale.ts";
import { templateRoleName } from "../scratch/names.ts";
import { createScratch, type Scratch } from "../scratch/scratch.ts";
import { findTemplate, type FoundTemplate } from "./find.ts";
import type { TemplateRun, TemplateSite, TemplateSource } from "./keep.ts";
import type { TemplateContent } from "./mark.ts";

export interface TemplateUse {
  /** Whose the copy is to be; undefined: the connecting role's. */
  owner: string | undefined;
  /** Encoding and locale that are wanted. */
  source: SourceLocale;
  asSuperuser: boolean;
  /** Looks whether all of it is there; throws where it is not. */
  check: (scratch: Scratch, missingExtensions: ReadonlySet<string>) => Promise<void>;
}

/**
 * Builds the scratch database as a copy of the template, where that is what would be made now.
 *
 * @returns undefined where there is no such template; what is wrong with one is told
 * @throws after an abort: the signal's reason
 */
export async function copyTemplate(
  run: TemplateRun,
  site: TemplateSite,
  use: TemplateUse,
): Promise<TemplateSource | undefined> {
  const { reporter, signal } = run;
  const { maintenance, name: target } = site.permission;
  try {
    const found = await findTemplate(maintenance, target, site.who);
    if (found.kind !== "ours") return undefined;
    const verdict = judgeTemplate(found.content, site.digest);
    if (verdict === "damaged")
      reporter.warn(`the template ${found.name} does not say what it holds; it is not used`);
    if (verdict !== "usable" || found.content === undefined) return undefined;
    return await copy(run, site, use, { ...found, content: found.content });
  } catch (error) {
    signal.throwIfAborted();
    reporter.warn(`the template of the last run cannot be used: ${messageOf(error)}`);
    return undefined;
  }
}

/** Whether a template with this content is what would be made. Pure. */
export function judgeTemplate(
  content: TemplateContent | undefined,
  digest: string,
): "usable" | "other" | "damaged" {
  if (content === undefined) return "damaged";
  return content.digest === digest ? "usable" : "other";
}

async function copy(
  run: TemplateRun,
  { permission, who }: TemplateSite,
  { check, ...use }: TemplateUse,
  template: Extract<FoundTemplate, { kind: "ours" }> & { content: TemplateContent },
): Promise<TemplateSource | undefined> {
  const { maintenance, name: target } = permission;
  const { name, oid, content } = template;
  // Until its run has ended, the role that owns what is in it owns that run's scratch database, too.
  if (who.isSuperuser && !(await hasRole(maintenance, content.run))) {
    run.reporter.info(`the template ${name} is not used: the run that made it has not ended, or was killed`);
    return undefined;
  }
  run.reporter.info(`copying ${name}, the template of ${content.origin}, for ${target}`);
  await using acquired = new AsyncDisposableStack();
  const scratch = acquired.use(
    await createScratch(maintenance, {
      ...run,
      ...use,
      target,
      template: { name, run: content.run, locale: content.locale },
    }),
  );
  const present = await findTemplate(maintenance, target, who);
  if (present.kind !== "ours" || present.oid !== oid) throw new Error("another run has just replaced it");
  const missingExtensions = new Set(content.missingExtensions);
  await check(scratch, missingExtensions);
  acquired.move();
  return { scratch, leftOut: content.leftOut, missingExtensions };
}

async function hasRole(maintenance: PostgresClient, runId: string): Promise<boolean> {
  const roles = await maintenance.query("SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", [
    templateRoleName(runId),
  ]);
  return roles.length > 0;
}
