import type { PostgresClient } from "../../postgres/client.ts";
import { quoteQualified } from "../../postgres/quote.ts";
import type { Scratch } from "../../replace/scratch/scratch.ts";

interface TableName extends Record<string, unknown> {
  schema: string;
  name: string;
}

/** Largest first, so that none of the workers is left with it at the end. A parent's statistics cover its children. */
const TABLES = `
SELECT namespace.nspname AS schema, class.relname AS name
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'm', 'p')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
   AND pg_catalog.pg_get_userbyid(class.relowner) = current_user
 ORDER BY pg_catalog.pg_table_size(class.oid) DESC`;

/**
 * Collects the planner's statistics of a database whose archive carried none, in `jobs` connections.
 *
 * As who loaded, never as a superuser: index expressions are computed by functions that came with the backup.
 */
export async function analyze(scratch: Pick<Scratch, "connectAsLoader">, jobs: number): Promise<void> {
  await using first = await scratch.connectAsLoader();
  const tables = (await first.query<TableName>(TABLES)).values();
  const others = Array.from({ length: jobs - 1 }, async () => {
    await using client = await scratch.connectAsLoader();
    await analyzeEach(client, tables);
  });
  // Nobody may be connected any more when one of them has failed.
  const ends = await Promise.allSettled([analyzeEach(first, tables), ...others]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

async function analyzeEach(client: PostgresClient, tables: Iterable<TableName>): Promise<void> {
  await client.query("SET statement_timeout = 0");
  for (const { schema, name } of tables) await client.query(`ANALYZE ${quoteQualified(schema, name)}`);
}
