import type { PostgresClient } from "../../postgres/client.ts";
import { templateName } from "../scratch/names.ts";
import { readTemplateMark, type TemplateContent } from "./mark.ts";

/**
 * - `none`: no database has a template's name
 * - `foreign`: one has it, and is not ours: never touched
 * - `ours`: a template of the target; without `content` where its mark does not say what it holds
 */
export type FoundTemplate =
  | { kind: "none" }
  | { kind: "foreign"; name: string }
  | { kind: "ours"; name: string; oid: number; content: TemplateContent | undefined };

interface TemplateRow extends Record<string, unknown> {
  oid: number;
  comment: string | null;
  trusted: boolean;
}

/**
 * Looks for the template of `target`.
 *
 * The mark counts only where a superuser, or whose the target is, owns the database: anybody can name and comment a database
 * of his own, and would have it copied into the target's place.
 *
 * @param owner whose templates of a connecting role that is no superuser are
 */
export async function findTemplate(
  client: PostgresClient,
  target: string,
  { owner, isSuperuser }: { owner: string; isSuperuser: boolean },
): Promise<FoundTemplate> {
  const name = templateName(target);
  const [row] = await client.query<TemplateRow>(
    `SELECT database.oid, pg_catalog.shobj_description(database.oid, 'pg_database') AS comment,
            role.rolsuper OR (role.rolname = $2 AND NOT $3) AS trusted
       FROM pg_catalog.pg_database AS database
       JOIN pg_catalog.pg_roles AS role ON role.oid = database.datdba
      WHERE database.datname = $1`,
    [name, owner, isSuperuser],
  );
  if (row === undefined) return { kind: "none" };
  const mark = readTemplateMark(row.comment);
  if (!row.trusted || mark?.target !== target) return { kind: "foreign", name };
  return { kind: "ours", name, oid: row.oid, content: mark.content };
}
