import { z } from "zod";
import { laptopConfig, type LocalDatabase } from "./e2e-laptop.ts";
import type { Dataops } from "./e2e-test.ts";

/** The command line of a fetch. */
export const FETCH = ["fetch-latest-db", "--yes", "--json"];
/** What is told of a database that was copied from its template. */
export const COPIED = { code: 0, fromTemplate: true, downloaded: 0 };
/** The same, of one that was loaded from the backup. */
export const LOADED = { code: 0, fromTemplate: false };

/** What a fetch told, and how it ended. */
export interface Fetched {
  code: number | null;
  stderr: string;
  [key: string]: unknown;
}

/** Fetches, and gives what was told as one object. */
export async function fetchLatest(
  dataops: Dataops,
  environment: Record<string, string>,
  { restore = {}, args = [] }: { restore?: Record<string, unknown>; args?: string[] } = {},
): Promise<Fetched> {
  const ended = await dataops.run([...FETCH, ...args], { environment, config: laptopConfig(restore) });
  const { code, stderr } = ended;
  return { code, stderr, ...z.record(z.string(), z.unknown()).parse(ended.json()) };
}

/** What the server says of a template. */
export interface TemplateRow extends Record<string, unknown> {
  oid: number;
  comment: string | null;
  open: boolean;
}

/** What the template of a database is called. */
export function templateNameOf({ name }: LocalDatabase): string {
  return `${name}__template`;
}

/** The template of a database, if there is one. */
export async function templateOf(local: LocalDatabase): Promise<TemplateRow | undefined> {
  const [row] = await local.query<TemplateRow>(
    `SELECT oid, shobj_description(oid, 'pg_database') AS comment, datallowconn AS open
       FROM pg_database WHERE datname = '${templateNameOf(local)}'`,
    "postgres",
  );
  return row;
}

/** Opens the template for a moment, as only a superuser can. */
export async function changeTemplate(local: LocalDatabase, sql: string): Promise<void> {
  await local.query(`ALTER DATABASE "${templateNameOf(local)}" ALLOW_CONNECTIONS true`, "postgres");
  await local.query(sql, templateNameOf(local));
  await local.query(`ALTER DATABASE "${templateNameOf(local)}" ALLOW_CONNECTIONS false`, "postgres");
}

/** Gives the template a mark, which is a comment. */
export async function markTemplate(local: LocalDatabase, text: string): Promise<void> {
  await local.query(
    `COMMENT ON DATABASE "${templateNameOf(local)}" IS '${text.replaceAll("'", "''")}'`,
    "postgres",
  );
}

/** The roles that stand for runs whose templates are kept. */
export async function templateRoles(local: LocalDatabase): Promise<string[]> {
  const rows = await local.query<{ name: string }>(
    "SELECT rolname::text AS name FROM pg_roles WHERE starts_with(rolname, 'dataops_template_')",
    "postgres",
  );
  return rows.map(({ name }) => name);
}
