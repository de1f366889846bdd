import type { Environment } from "../../config/environment.ts";
import { messageOf } from "../../errors.ts";
import { humanBytes } from "../../observe/human.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { dropTemplate, publishTemplate, type Permission } from "../guard/destructive.ts";
import { copyDatabase } from "../scratch/copy-database.ts";
import { dropScratch } from "../scratch/drop.ts";
import type { Scratch } from "../scratch/scratch.ts";
import { templateDraftName, templateRoleName } from "../scratch/names.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import { findTemplate } from "../../replace/template/find.ts";
import { renderTemplateMark } from "../../replace/template/mark.ts";
import { hasRoom, readRoom } from "../../replace/template/room.ts";

/** The run that a template is made or copied in. */
export interface TemplateRun {
  runId: string;
  applicationName: string;
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
}

/** What was built, and may be kept. */
export interface TemplateSource {
  scratch: Scratch;
  leftOut: string[];
  missingExtensions: ReadonlySet<string>;
}

/** Templates of one target, in one run. */
export interface TemplateSite {
  permission: Permission;
  /** The connecting role, and whose the templates are. */
  who: { role: string; owner: string; isSuperuser: boolean };
  /** Whether the server is certainly this machine's own. */
  isLocal: boolean;
  /** What is to be made, for people: a backup's id, or seeds. */
  origin: string;
  /** SHA-256 of all that shapes it. */
  digest: string;
}

/**
 * Keeps a copy of a scratch database as the template of the target, in the place of the one from before. Nobody may be
 * connected to it.
 *
 * That it could not be kept is told, and is no failure. After a failure or an abort nothing has a template's name that is
 * not whole.
 *
 * @throws after an abort: the signal's reason
 */
export async function keepTemplate(
  run: TemplateRun,
  site: TemplateSite,
  built: TemplateSource,
): Promise<void> {
  try {
    const why = await keep(run, site, built);
    if (why !== undefined) run.reporter.info(`no template is kept of ${site.origin}: ${why}`);
  } catch (error) {
    run.signal.throwIfAborted();
    run.reporter.warn(`no template is kept of ${site.origin}: ${messageOf(error)}`);
  }
}

/** @returns why it did not */
async function keep(
  run: TemplateRun,
  { permission, who, isLocal, origin, digest }: TemplateSite,
  { scratch, leftOut, missingExtensions }: TemplateSource,
): Promise<string | undefined> {
  const { maintenance, name: target } = permission;
  const comment = renderTemplateMark(target, {
    origin,
    digest,
    run: run.runId,
    locale: scratch.substituteLocale,
    leftOut,
    missingExtensions: [...missingExtensions],
  });
  if (comment === undefined) return "too much was left out of it to be noted";
  const present = await findTemplate(maintenance, target, who);
  if (present.kind === "foreign") return `database ${present.name} has its name, and is none`;
  // First, as two copies may be more than the disk holds.
  if (present.kind === "ours") await removeTemplate(permission, present);
  const room = await readRoom(maintenance, scratch.name, isLocal);
  if (!hasRoom(room)) {
    return `it needs ${humanBytes(room.size)} of the server's disk, where ${humanBytes(room.free ?? 0)} are free`;
  }
  const draft = templateDraftName(target, run.runId);
  try {
    // A superuser's templates are his, not the loader's: their marks are to be believed.
    const owner = who.isSuperuser ? who.role : who.owner;
    await copyDatabase(maintenance, { from: scratch.name, name: draft, owner });
    await publishTemplate(permission, { runId: run.runId, comment });
    scratch.keepRole();
  } catch (error) {
    await dropDraft(run, permission, draft);
    throw error;
  }
  return undefined;
}

/** Drops a template of ours, and the role that owned what was in it. */
async function removeTemplate(
  permission: Permission,
  template: { name: string; oid: number; content: { run: string } | undefined },
): Promise<void> {
  await dropTemplate(permission, template);
  if (template.content === undefined) return;
  try {
    const role = quoteIdentifier(templateRoleName(template.content.run));
    await permission.maintenance.query(`DROP ROLE IF EXISTS ${role}`);
  } catch {
    // Another run has just copied it, and will be done with the role. It is cleared with what crashed runs left.
  }
}

/**
 * Drops the template of a target that is to have none. That it could not is told.
 *
 * @throws after an abort: the signal's reason
 */
export async function removeUnwanted(
  permission: Permission,
  who: TemplateSite["who"],
  { reporter, signal }: Pick<TemplateRun, "reporter" | "signal">,
): Promise<void> {
  try {
    const found = await findTemplate(permission.maintenance, permission.name, who);
    if (found.kind !== "ours") return;
    await removeTemplate(permission, found);
    reporter.info(`dropped ${found.name}, the template of an earlier run`);
  } catch (error) {
    signal.throwIfAborted();
    reporter.warn(`the template of an earlier run could not be dropped: ${messageOf(error)}`);
  }
}

async function dropDraft(
  { applicationName, environment, reporter }: TemplateRun,
  { maintenance }: Permission,
  draft: string,
): Promise<void> {
  try {
    await dropScratch(maintenance.settings, {
      database: draft,
      role: undefined,
      applicationName,
      environment,
    });
  } catch (error) {
    reporter.warn("what was copied so far could not be dropped; the next run tries again after a day", {
      database: draft,
      reason: messageOf(error),
    });
  }
}
