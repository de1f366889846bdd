import type { PostgresClient } from "./client.ts";

/** An extension of the database. */
export interface ExtensionFact {
  name: string;
  version: string;
  schema: string;
  /** Whether something outside it depends on it, as far as the catalogs tell: the text of a function's body is not read. */
  used: boolean;
}

/** A row-level security policy that names roles. */
export interface PolicyFact {
  schema: string;
  table: string;
  name: string;
  /** Without PUBLIC. */
  roles: string[];
}

/**
 * `owned` is all that belongs to an extension: its members, and what hangs on those by itself (array types, indexes of its
 * tables). It is used when something else depends on any of that, or when another extension requires it.
 */
const EXTENSIONS = `
WITH RECURSIVE owned(extension, class, object) AS (
  SELECT member.refobjid, member.classid, member.objid
    FROM pg_catalog.pg_depend AS member
   WHERE member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND member.deptype = 'e'
   UNION
  SELECT owned.extension, part.classid, part.objid
    FROM owned
    JOIN pg_catalog.pg_depend AS part ON part.refclassid = owned.class AND part.refobjid = owned.object
   WHERE part.deptype IN ('i', 'a')
), used(extension) AS (
  SELECT owned.extension
    FROM owned
    JOIN pg_catalog.pg_depend AS dependent ON dependent.refclassid = owned.class AND dependent.refobjid = owned.object
   WHERE dependent.deptype = 'n'
     AND NOT EXISTS (SELECT FROM owned AS own WHERE own.extension = owned.extension
                        AND own.class = dependent.classid AND own.object = dependent.objid)
   UNION
  SELECT required.refobjid
    FROM pg_catalog.pg_depend AS required
   WHERE required.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass
     AND required.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
)
SELECT extension.extname AS name, extension.extversion AS version, namespace.nspname AS schema,
       EXISTS (SELECT FROM used WHERE used.extension = extension.oid) AS used
  FROM pg_catalog.pg_extension AS extension
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extension.extnamespace
 ORDER BY extension.extname`;

const POLICIES = `
SELECT namespace.nspname AS schema, class.relname AS table, policy.polname AS name,
       ARRAY(SELECT role.rolname::text FROM pg_catalog.pg_roles AS role WHERE role.oid = ANY (policy.polroles) ORDER BY 1) AS roles
  FROM pg_catalog.pg_policy AS policy
  JOIN pg_catalog.pg_class AS class ON class.oid = policy.polrelid
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 ORDER BY 1, 2, 3`;

/** Every extension of the database, by name. */
export function readExtensions(client: PostgresClient): Promise<ExtensionFact[]> {
  return client.query<ExtensionFact & Record<string, unknown>>(EXTENSIONS);
}

/** Every policy that names a role other than PUBLIC. */
export async function readPolicies(client: PostgresClient): Promise<PolicyFact[]> {
  const policies = await client.query<PolicyFact & Record<string, unknown>>(POLICIES);
  return policies.filter(({ roles }) => roles.length > 0);
}
