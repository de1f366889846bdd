import type { PostgresClient } from "../postgres/client.ts";
import { readArrival } from "../replace/guard/arrival.ts";
import { readOwner } from "../replace/guard/identity.ts";
import { checkServer } from "../replace/preflight.ts";
import { readConnectingRole, type ConnectingRole } from "../replace/scratch/connecting-role.ts";
import type { TemplateSite } from "../replace/template/keep.ts";
import type { BuildRequest } from "./build.ts";
import { digestInputs } from "./digest.ts";
import { readLocale } from "./locale.ts";
import type { SeedPlan } from "./plan.ts";
import type { Run } from "./run.ts";
import { permitReset, type PermittedTarget } from "./target.ts";

/** All that is known before anything is changed. */
export interface Preparation extends PermittedTarget {
  build: BuildRequest;
  /** Undefined where no template is used, for `whyNoTemplate`. */
  templates: TemplateSite | undefined;
  whyNoTemplate: string | undefined;
  /** The connecting role, and whose the result is to be. */
  who: ConnectingRole;
  /** Whether the inputs are still what the digest says: a deployment may come in between. */
  isUnchanged: () => Promise<boolean>;
  /** The backup whose schema it will have. */
  backup: string | undefined;
}

/**
 * Has the guard judge, and reads what a scratch database will be built by. Changes nothing.
 *
 * @throws DataopsError `refused`, `notPermitted`, `tool`; `noSuchBackup` where the schema is a backup's
 */
export async function prepare(run: Run, plan: SeedPlan, maintenance: PostgresClient): Promise<Preparation> {
  const backup = plan.schemaBackup === undefined ? undefined : await run.findSchema(plan.schemaBackup);
  const permitted = await permitReset(maintenance, run, backup?.source);
  const { permission } = permitted;
  await checkServer(maintenance, run);
  const owner = await readOwner(permission);
  const who = await readConnectingRole(maintenance, { target: permission.name, owner });
  const { asSuperuser, settings } = run;
  const schema = await backup?.prepare(maintenance, {
    ...who,
    asSuperuser,
    applicationName: run.applicationName,
  });
  const isThere = permission.oid !== undefined;
  const source =
    isThere || backup === undefined ? await readLocale(maintenance, permission.oid) : backup.source;
  const { encoding, collate, characterType, localeProvider, locale } = source;
  const surroundings = {
    ...who,
    asSuperuser,
    locale: JSON.stringify([encoding, collate, characterType, localeProvider, locale]),
    backup: schema?.digest,
  };
  const readDigest = () => digestInputs(plan, settings, surroundings, run.folder);
  const { digest, unknown } = await readDigest();
  const { isLocal } = await readArrival(maintenance);
  const whyNoTemplate = reasonAgainstTemplate(settings.template, unknown);
  return {
    ...permitted,
    build: { maintenance, target: permission.name, owner, source, plan, schema, digest },
    templates:
      whyNoTemplate === undefined ? { permission, who, isLocal, origin: "its seeds", digest } : undefined,
    whyNoTemplate,
    who,
    // A file that is gone has changed, too.
    isUnchanged: () =>
      readDigest().then(
        (now) => now.digest === digest,
        () => false,
      ),
    backup: backup?.id,
  };
}

/** Why what is made is neither copied nor kept; undefined where it is. Pure. */
export function reasonAgainstTemplate(
  configured: boolean | undefined,
  unknown: readonly string[],
): string | undefined {
  if (configured === false) return "the configuration says `template: false`";
  if (configured === true || unknown.length === 0) return undefined;
  return `${unknown.join(", ")} may read anything: name its \`inputs\`, or say \`template: true\``;
}
