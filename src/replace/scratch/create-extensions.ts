import { DataopsError, messageOf } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { sqlStateOf } from "../../postgres/postgres-error.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import type { ManifestSource } from "../../repository/manifest.ts";

type Extension = ManifestSource["extensions"][number];

/** The names of the extensions that the server could create. */
export async function readAvailableExtensions(client: PostgresClient): Promise<Set<string>> {
  const rows = await client.query<{ name: string }>("SELECT name FROM pg_catalog.pg_available_extensions");
  return new Set(rows.map(({ name }) => name));
}

export interface CreatedExtensions {
  created: Set<string>;
  /** The schemas that hold them, each of which exists now. */
  schemas: string[];
  /** What cannot be created here and nothing uses: what to tell. */
  leftOut: string[];
}

/**
 * Creates extensions in the empty scratch database, each in its schema, and lets the loader fill their tables.
 *
 * Before anything of the backup is there: what an extension's script finds by name is its own or the server's.
 *
 * @param admin the connecting role in the scratch database: most extensions are a superuser's to create
 * @param loader the role that loads, who gets the schemas
 * @throws DataopsError `refused` where one is used and cannot be created; as `query` does
 */
export async function createExtensions(
  admin: PostgresClient,
  loader: string,
  extensions: readonly Extension[],
): Promise<CreatedExtensions> {
  const result: CreatedExtensions = { created: new Set(), schemas: [], leftOut: [] };
  const ordered = inOrder(extensions, await readRequirements(admin));
  for (const extension of ordered) {
    try {
      await createExtension(admin, loader, extension);
      result.created.add(extension.name);
      result.schemas.push(extension.schema);
    } catch (error) {
      if (admin.closed || sqlStateOf(error) === undefined) throw error;
      if (extension.used) throw cannotCreate(extension, error);
      result.leftOut.push(
        `EXTENSION ${extension.name}: it cannot be created here, and nothing uses it (${messageOf(error)})`,
      );
    }
  }
  await letLoaderUse(admin, loader);
  return result;
}

async function createExtension(
  admin: PostgresClient,
  loader: string,
  { name, schema }: Extension,
): Promise<void> {
  if (!schema.startsWith("pg_")) {
    const [exists] = await admin.query("SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", [schema]);
    if (exists === undefined)
      await admin.query(`CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${quoteIdentifier(loader)}`);
  }
  await admin.query(
    `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)} SCHEMA ${quoteIdentifier(schema)}`,
  );
}

/** What the versions that would be installed need, by extension. */
async function readRequirements(client: PostgresClient): Promise<Map<string, readonly string[]>> {
  const rows = await client.query<{ name: string; requires: string[] | null }>(
    `SELECT available.name, version.requires::text[] AS requires
       FROM pg_catalog.pg_available_extensions AS available
       JOIN pg_catalog.pg_available_extension_versions AS version
         ON version.name = available.name AND version.version = available.default_version`,
  );
  return new Map(rows.map(({ name, requires }) => [name, requires ?? []]));
}

/** Each after those that it needs. Pure. */
export function inOrder(
  extensions: readonly Extension[],
  requirements: ReadonlyMap<string, readonly string[]>,
): Extension[] {
  const byName = new Map(extensions.map((extension) => [extension.name, extension]));
  const ordered = new Set<Extension>();
  const visited = new Set<string>();
  const visit = (extension: Extension): void => {
    if (visited.has(extension.name)) return;
    visited.add(extension.name);
    for (const name of requirements.get(extension.name) ?? []) {
      const required = byName.get(name);
      if (required !== undefined) visit(required);
    }
    ordered.add(extension);
  };
  for (const extension of extensions) visit(extension);
  return [...ordered];
}

/**
 * The rows that extensions mark as the user's are in the archive, and foreign servers belong to an extension's wrapper.
 * What is granted here goes when the temporary role does.
 */
const GRANTS = `
DO $do$
DECLARE
  target record;
  loader constant text := pg_catalog.current_setting('dataops.loader');
BEGIN
  FOR target IN
    SELECT class.oid::pg_catalog.regclass AS name,
           CASE class.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
      FROM pg_catalog.pg_extension AS extension
      JOIN pg_catalog.pg_class AS class ON class.oid OPERATOR(pg_catalog.=) ANY (extension.extconfig)
  LOOP
    EXECUTE pg_catalog.format('GRANT ALL ON %s %s TO %I', target.kind, target.name, loader);
  END LOOP;
  FOR target IN SELECT fdwname AS name FROM pg_catalog.pg_foreign_data_wrapper LOOP
    EXECUTE pg_catalog.format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %I', target.name, loader);
  END LOOP;
END
$do$`;

/** Lets a loader that is no superuser use what a superuser's extensions made. */
export async function letLoaderUse(admin: PostgresClient, loader: string): Promise<void> {
  const [row] = await admin.query<{ needsGrants: boolean }>(
    `SELECT rolsuper AND rolname <> $1 AS "needsGrants" FROM pg_catalog.pg_roles WHERE rolname = current_user`,
    [loader],
  );
  // Who is no superuser created them itself, as far as it may.
  if (row?.needsGrants !== true) return;
  await admin.query("SELECT pg_catalog.set_config('dataops.loader', $1, false)", [loader]);
  await admin.query(GRANTS);
}

function cannotCreate({ name }: Extension, cause: unknown): DataopsError {
  return new DataopsError(
    "refused",
    `the backup uses extension ${name}, which cannot be created here: ${messageOf(cause)}`,
    { hint: `restore as a superuser, or list ${name} under skipExtensions in the restore settings`, cause },
  );
}
