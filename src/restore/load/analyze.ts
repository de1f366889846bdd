import type { PostgresClient } from "../../postgres/client.ts";

/**
 * Collects the planner's statistics of a database whose archive carried none.
 *
 * @param client who loaded, never a superuser: index expressions are computed by functions that came with the backup
 */
export async function analyze(client: PostgresClient): Promise<void> {
  await client.query("SET statement_timeout = 0");
  await client.query("ANALYZE");
}
