import type { PostgresClient } from "../../postgres/client.ts";
import { majorOf } from "../../postgres/tools.ts";
import { takeExcludable } from "./table-pattern.ts";

/** Which tables are read as blocks, and which stay with pg_dump: all of which it is not proven that blocks give the same. */

/** Bytes of the table's own pages and of its TOAST table. Below, the archive is as good a place. */
export const DEFAULT_BLOCK_THRESHOLD = 1024 * 1024;

/** The first server that reads a range of pages without reading the whole table. */
const FIRST_MAJOR_WITH_RANGE_SCANS = 14;

/** Text comes in the database's encoding, and the names in our statements are UTF-8. */
const ENCODING = "UTF8";

/** What the decision about one table is made from, as the snapshot has it. */
export interface TableFacts {
  oid: number;
  schema: string;
  name: string;
  /** `pg_class.relkind`. */
  kind: string;
  /** `pg_class.relpersistence`. */
  persistence: string;
  /** Of the table's access method. */
  accessMethod: string;
  /** Whether the table belongs to an extension, or is a configuration table of one. */
  isExtensions: boolean;
  /** Whether our role may read all columns, the system's as well. */
  isReadable: boolean;
  /** Bytes, with the TOAST table, without indexes. */
  size: number;
  /** Of the table alone. */
  pages: number;
  /** Names of the columns that pg_dump writes, in its order. */
  columns: readonly string[];
}

/** A table whose rows are read as blocks. */
export interface BlockTable {
  oid: number;
  schema: string;
  name: string;
  /** In the order of the text. */
  columns: readonly string[];
  /** Its length when it was looked at, which is after the snapshot: no row that the snapshot sees is behind it. */
  pages: number;
  /** Bytes: an estimate of what its rows are as text. */
  size: number;
}

export interface ServerKind {
  /** `server_version_num`. */
  serverVersionNumber: number;
  encoding: string;
}

/** The tables that are read as blocks, largest first, as many as pg_dump can be told to leave out. Pure. */
export function chooseBlockTables(
  tables: readonly TableFacts[],
  server: ServerKind,
  threshold: number = DEFAULT_BLOCK_THRESHOLD,
): BlockTable[] {
  if (majorOf(server.serverVersionNumber) < FIRST_MAJOR_WITH_RANGE_SCANS) return [];
  if (server.encoding !== ENCODING) return [];
  const eligible = tables
    .filter((table) => isEligible(table, threshold))
    .sort((left, right) => right.size - left.size);
  return takeExcludable(eligible).map(({ oid, schema, name, columns, pages, size }) => ({
    oid,
    schema,
    name,
    columns,
    pages,
    size,
  }));
}

function isEligible(table: TableFacts, threshold: number): boolean {
  const isOrdinary = table.kind === "r" && table.persistence === "p" && table.accessMethod === "heap";
  return (
    isOrdinary &&
    !table.isExtensions &&
    table.isReadable &&
    table.columns.length > 0 &&
    table.size >= threshold
  );
}

/** Columns: pg_dump's own list for COPY (fmtCopyColumnList): not dropped, not generated, in the order of `attnum`. */
const TABLE_FACTS = `
  SELECT class.oid, namespace.nspname AS schema, class.relname AS name, class.relkind::text AS kind,
         class.relpersistence::text AS persistence, coalesce(method.amname, '') AS "accessMethod",
         EXISTS (SELECT FROM pg_catalog.pg_depend AS member
                  WHERE member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND member.objid = class.oid AND member.deptype = 'e')
           OR EXISTS (SELECT FROM pg_catalog.pg_extension AS extension WHERE class.oid = ANY (extension.extconfig))
           AS "isExtensions",
         coalesce(pg_catalog.has_table_privilege(class.oid, 'SELECT'), false) AS "isReadable",
         coalesce(pg_catalog.pg_table_size(class.oid), 0)::text AS size,
         (coalesce(pg_catalog.pg_relation_size(class.oid), 0)
           / pg_catalog.current_setting('block_size')::bigint)::text AS pages,
         ARRAY(SELECT attribute.attname::text FROM pg_catalog.pg_attribute AS attribute
                WHERE attribute.attrelid = class.oid AND attribute.attnum > 0
                  AND NOT attribute.attisdropped AND attribute.attgenerated = ''
                ORDER BY attribute.attnum) AS columns
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_catalog.pg_am AS method ON method.oid = class.relam
   WHERE class.relkind = 'r'
     AND namespace.nspname <> 'information_schema'
     AND namespace.nspname NOT LIKE 'pg\\_%'`;

/**
 * Reads the facts of all ordinary tables, in the client's snapshot.
 *
 * @throws DataopsError as `PostgresClient.query` does
 */
export async function readTableFacts(client: PostgresClient): Promise<TableFacts[]> {
  const rows = await client.query<Omit<TableFacts, "size" | "pages"> & { size: string; pages: string }>(
    TABLE_FACTS,
  );
  return rows.map((row) => ({ ...row, size: Number(row.size), pages: Number(row.pages) }));
}
