import type { TemplateSite } from "../../replace/template/keep.ts";
import { copyTemplate } from "../../replace/template/use.ts";
import { checkRowsOf, type BuildSite, type Built } from "../build.ts";
import type { Run } from "../run.ts";

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
  const copied = await copyTemplate(run, templates, {
    owner: site.owner,
    source: run.manifest.source,
    asSuperuser: run.asSuperuser,
    check: (scratch, missingExtensions) => checkRowsOf(run.manifest, scratch, missingExtensions),
  });
  return copied === undefined ? undefined : { ...copied, downloaded: 0 };
}
