import type { PostgresClient } from "../postgres/client.ts";
import { quoteIdentifier, quoteQualified } from "../postgres/quote.ts";

/** What is done once all rows are there. */

interface OwnedSequence extends Record<string, unknown> {
  schema: string;
  name: string;
  tableSchema: string;
  table: string;
  column: string;
  isAscending: boolean;
}

/** Sequences of columns that hold numbers: serial, identity, and OWNED BY. */
const OWNED_SEQUENCES = `
SELECT namespace.nspname AS schema, class.relname AS name, table_namespace.nspname AS "tableSchema",
       owner.relname AS "table", attribute.attname AS "column", sequence.seqincrement > 0 AS "isAscending"
  FROM pg_catalog.pg_sequence AS sequence
  JOIN pg_catalog.pg_class AS class ON class.oid = sequence.seqrelid
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
  JOIN pg_catalog.pg_depend AS dependency
    ON dependency.classid = 'pg_catalog.pg_class'::regclass AND dependency.objid = class.oid
   AND dependency.refclassid = 'pg_catalog.pg_class'::regclass AND dependency.deptype IN ('a', 'i')
  JOIN pg_catalog.pg_class AS owner ON owner.oid = dependency.refobjid
  JOIN pg_catalog.pg_namespace AS table_namespace ON table_namespace.oid = owner.relnamespace
  JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = owner.oid AND attribute.attnum = dependency.refobjsubid
 WHERE dependency.refobjsubid > 0
   AND attribute.atttypid = ANY ('{int2,int4,int8,numeric}'::pg_catalog.regtype[])
   AND class.relpersistence <> 't'
 ORDER BY class.oid`;

/**
 * Moves sequences past what rows of seeds took from them without asking: the next value is one more than the largest
 * there. A sequence that is further already stays where it is.
 */
export async function advanceSequences(client: PostgresClient): Promise<void> {
  const sequences = await client.query<OwnedSequence>(OWNED_SEQUENCES);
  for (const { schema, name, tableSchema, table, column, isAscending } of sequences) {
    const sequence = quoteQualified(schema, name);
    const [far, further] = isAscending ? ["max", ">"] : ["min", "<"];
    await client.query(
      `SELECT pg_catalog.setval($1::pg_catalog.regclass, taken.value::bigint, true)
         FROM (SELECT ${far}(${quoteIdentifier(column)}) AS value
                 FROM ${quoteQualified(tableSchema, table)}) AS taken,
              ${sequence} AS state,
              pg_catalog.pg_sequence AS definition
        WHERE definition.seqrelid = $1::pg_catalog.regclass
          AND taken.value BETWEEN definition.seqmin AND definition.seqmax
          AND (taken.value ${further} state.last_value OR (taken.value = state.last_value AND NOT state.is_called))`,
      [sequence],
    );
  }
}

/** Fills materialized views, which were made over empty tables; in the order that they were made, as one may read another. */
export async function refreshViews(client: PostgresClient): Promise<void> {
  const views = await client.query<{ schema: string; name: string }>(
    `SELECT namespace.nspname AS schema, class.relname AS name
       FROM pg_catalog.pg_class AS class
       JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE class.relkind = 'm' AND class.relispopulated ORDER BY class.oid`,
  );
  for (const { schema, name } of views) {
    await client.query(`REFRESH MATERIALIZED VIEW ${quoteQualified(schema, name)}`);
  }
}
