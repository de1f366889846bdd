import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier, quoteQualified } from "../../postgres/quote.ts";
import type { Permission } from "./destructive.ts";
import { readArrival } from "./arrival.ts";

/** Statements that empty a database in place. None of them runs without a `Permission`, on the connection it was given for. */

/** What extensions brought along, and what the server has itself, stays. */
const OF_USERS = `
  namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND namespace.nspname NOT LIKE 'pg\\_temp\\_%' AND namespace.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'`;

function isOfExtension(catalog: string, oid: string): string {
  return `EXISTS (SELECT FROM pg_catalog.pg_depend AS dependency
                   WHERE dependency.classid = 'pg_catalog.${catalog}'::regclass
                     AND dependency.objid = ${oid} AND dependency.deptype = 'e')`;
}

/**
 * Drops everything in the permission's database but its extensions: schemas, tables, views, sequences, functions, types.
 * For a transaction of `permission.maintenance`, which is connected to it.
 *
 * @throws DataopsError `refused` where the guard says no by now; as `query` does
 */
export async function dropContents(permission: Permission): Promise<void> {
  const client = await requireInside(permission);
  for (const statement of await dropStatements(client)) await client.query(statement);
}

/** The schemas first: most objects go with them. */
async function dropStatements(client: PostgresClient): Promise<string[]> {
  const schemas = await client.query<{ name: string }>(
    `SELECT namespace.nspname AS name FROM pg_catalog.pg_namespace AS namespace
      WHERE ${OF_USERS} AND namespace.nspname <> 'public'
        AND NOT ${isOfExtension("pg_namespace", "namespace.oid")}
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extnamespace = namespace.oid)`,
  );
  const gone = new Set(schemas.map(({ name }) => name));
  const objects = await client.query<{
    kind: string;
    schema: string;
    name: string;
    signature: string | null;
  }>(
    `SELECT CASE class.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                               WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind,
            namespace.nspname AS schema, class.relname AS name, NULL AS signature
       FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ${OF_USERS} AND NOT ${isOfExtension("pg_class", "class.oid")}
     UNION ALL
     SELECT CASE routine.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
            namespace.nspname, routine.proname, '(' || pg_catalog.pg_get_function_identity_arguments(routine.oid) || ')'
       FROM pg_catalog.pg_proc AS routine JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = routine.pronamespace
      WHERE ${OF_USERS} AND NOT ${isOfExtension("pg_proc", "routine.oid")}
     UNION ALL
     SELECT CASE type.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, namespace.nspname, type.typname, NULL
       FROM pg_catalog.pg_type AS type JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = type.typnamespace
       LEFT JOIN pg_catalog.pg_class AS class ON class.oid = type.typrelid
      WHERE (type.typtype IN ('d', 'e', 'r') OR (type.typtype = 'c' AND class.relkind = 'c'))
        AND ${OF_USERS} AND NOT ${isOfExtension("pg_type", "type.oid")}`,
  );
  return [
    ...schemas.map(({ name }) => `DROP SCHEMA ${quoteIdentifier(name)} CASCADE`),
    ...objects
      .filter(({ schema }) => !gone.has(schema))
      .map(
        ({ kind, schema, name, signature }) =>
          `DROP ${kind} IF EXISTS ${quoteQualified(schema, name)}${signature ?? ""} CASCADE`,
      ),
  ];
}

/**
 * Empties every table of the permission's database but those named, and sets its sequences back. For a transaction of
 * `permission.maintenance`, which is connected to it.
 *
 * @param kept names of tables, as `table` or `schema.table`
 * @throws DataopsError `refused` where the guard says no by now; as `query` does
 */
export async function truncateTables(permission: Permission, kept: readonly string[]): Promise<void> {
  const client = await requireInside(permission);
  const tables = await client.query<{ schema: string; name: string }>(
    `SELECT namespace.nspname AS schema, class.relname AS name
       FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind IN ('r', 'p') AND ${OF_USERS} AND NOT ${isOfExtension("pg_class", "class.oid")}
        AND class.relname <> ALL ($1) AND namespace.nspname || '.' || class.relname <> ALL ($1)`,
    [kept],
  );
  if (tables.length === 0) return;
  const list = tables.map(({ schema, name }) => quoteQualified(schema, name)).join(", ");
  // Not what refers to them from elsewhere: a table that is kept may not lose rows unseen.
  await client.query(`TRUNCATE ${list} RESTART IDENTITY`);
}

/** The guard judges again, inside the transaction; and the connection is the database's that it judges. */
async function requireInside(permission: Permission): Promise<PostgresClient> {
  const { maintenance, name, oid } = permission;
  await permission.renew();
  const arrival = await readArrival(maintenance);
  if (arrival.database === name && arrival.databaseOid === oid) return maintenance;
  throw new DataopsError("refused", `the connection is not to database ${name} any more`, {
    hint: "something in between redirects: give the server's own address",
  });
}
