import type { PostgresClient } from "../postgres/client.ts";
import { quoteIdentifier } from "../postgres/quote.ts";

/** A table whose rows pg_dump writes into the archive. */
export interface SourceTable {
  oid: number;
  schema: string;
  name: string;
  /** The extension that this is a configuration table of, if it is one. */
  extension: string | undefined;
  /** The topmost partitioned table that this is a partition of, if it is one. */
  partitionOf: { schema: string; name: string } | undefined;
  /** SQL that selects the rows that are dumped: empty for all, else a WHERE clause that the extension gave. */
  condition: string;
  /** Bytes on disk with its TOAST table, without indexes: an estimate of what its rows are as text. */
  size: number;
}

/**
 * The tables that pg_dump writes rows of, by its own rules (getTables and getExtensionMembership in pg_dump.c):
 *
 * - ordinary tables, partitions and inheritance children, each with its own rows; not partitioned tables, views,
 *   materialized views (refreshed on restore), foreign or temporary tables;
 * - unlogged tables, but not on a standby, where they cannot be read;
 * - of an extension's tables only those that it declared as configuration, with the condition that it gave;
 * - of the system's own schemas nothing but such configuration, whoever made the table.
 */
const SOURCE_TABLES = `
  WITH configuration AS (
    SELECT entry.oid, coalesce(entry.condition, '') AS condition, extension.extname
      FROM pg_catalog.pg_extension AS extension,
           unnest(extension.extconfig, extension.extcondition) AS entry(oid, condition))
  SELECT class.oid, namespace.nspname AS schema, class.relname AS name, configuration.extname AS extension,
         root_namespace.nspname AS root_schema, root.relname AS root_name,
         coalesce(configuration.condition, '') AS condition, pg_catalog.pg_table_size(class.oid) AS size
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    LEFT JOIN configuration ON configuration.oid = class.oid
    LEFT JOIN pg_catalog.pg_class AS root
      ON class.relispartition AND root.oid = pg_catalog.pg_partition_root(class.oid)
    LEFT JOIN pg_catalog.pg_namespace AS root_namespace ON root_namespace.oid = root.relnamespace
   WHERE class.relkind = 'r'
     AND class.relpersistence <> 't'
     AND NOT (class.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
     AND (configuration.oid IS NOT NULL
          OR namespace.nspname <> 'information_schema'
             AND namespace.nspname NOT LIKE 'pg\\_%'
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member
                              WHERE member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                AND member.objid = class.oid AND member.deptype = 'e'))
   ORDER BY namespace.nspname COLLATE "C", class.relname COLLATE "C"`;

/** The tables whose rows a pg_dump in this client's snapshot writes, by schema and name. */
export async function listSourceTables(client: PostgresClient): Promise<SourceTable[]> {
  const rows = await client.query<{
    oid: number;
    schema: string;
    name: string;
    extension: string | null;
    root_schema: string | null;
    root_name: string | null;
    condition: string;
    size: string | null;
  }>(SOURCE_TABLES);
  return rows.map(({ extension, root_schema: schema, root_name: name, size, ...table }) => ({
    ...table,
    extension: extension ?? undefined,
    partitionOf: schema === null || name === null ? undefined : { schema, name },
    // Null for a table that is gone since the snapshot; reading it then says so.
    size: Number(size ?? 0),
  }));
}

/** The table's name in SQL. */
export function qualifiedName({ schema, name }: Pick<SourceTable, "schema" | "name">): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
