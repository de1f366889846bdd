import { z } from "zod";
import { BACKUP_ID_PATTERN } from "../../repository/backup-id.ts";

/**
 * The mark of a template: what tells it from a database that merely has such a name, and what it holds.
 *
 * It stands in the database's comment. Whose it is can be read also where the rest is damaged, so that it can be replaced.
 */

/** What a template holds. */
export interface TemplateContent {
  /** The backup's id. */
  backup: string;
  /** SHA-256 of the backup's manifest: the id alone is only a name. */
  manifest: string;
  /** SHA-256 of all else that shapes what a restore makes. */
  recipe: string;
  /** The run that made it. Its role, if it had one, owns what is in the template. */
  run: string;
  /** The locale that stands in for the backup's, which the server does not have; null where none does. */
  locale: string | null;
  /** What was not restored and why, each as one line to tell. */
  leftOut: string[];
  /** Extensions of the backup that are not there. */
  missingExtensions: string[];
}

/** Characters; a longer comment is no mark of ours. */
const MAX_COMMENT = 4 * 1024 * 1024;
const MAX_ENTRIES = 100_000;

const MARK = /(?:^|\n)\[dataops: template of (?<target>"(?:[^"\\]|\\.)*"): (?<content>.*)$/s;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const contentSchema = z.strictObject({
  backup: z.string().regex(BACKUP_ID_PATTERN),
  manifest: sha256,
  recipe: sha256,
  run: z.string().regex(BACKUP_ID_PATTERN),
  locale: z.string().nullable(),
  leftOut: z.array(z.string()).max(MAX_ENTRIES),
  missingExtensions: z.array(z.string()).max(MAX_ENTRIES),
});

/** The comment of a template of `target`; undefined where it would be too long. */
export function renderTemplateMark(target: string, content: TemplateContent): string | undefined {
  const comment =
    "the last backup that was restored, kept so that restoring it again is a copy; not needed otherwise\n" +
    `[dataops: template of ${JSON.stringify(target)}: ${JSON.stringify(contentSchema.parse(content))}]`;
  return comment.length <= MAX_COMMENT ? comment : undefined;
}

export interface TemplateMark {
  /** The name of the database that it is a template of. */
  target: string;
  /** Undefined where that cannot be read, or another version of this program wrote it. */
  content: TemplateContent | undefined;
}

/** What a database's comment says about it as a template; undefined for one that is none of ours. */
export function readTemplateMark(comment: string | null): TemplateMark | undefined {
  if (comment === null || comment.length > MAX_COMMENT) return undefined;
  const groups = MARK.exec(comment)?.groups;
  const target = z.string().safeParse(parseJson(groups?.["target"]));
  if (!target.success) return undefined;
  const content = contentSchema.safeParse(parseJson(groups?.["content"]?.replace(/\]$/, "")));
  return { target: target.data, content: content.success ? content.data : undefined };
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
