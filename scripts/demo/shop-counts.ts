import type { Cluster } from "./cluster.ts";

/** Rows per table and materialized view of the public schema. */
export async function countRows(cluster: Cluster, database: string): Promise<Map<string, number>> {
  const tables = await cluster.query(
    database,
    `SELECT format('SELECT %L AS name, count(*) AS rows FROM public.%I', relname, relname) AS query
     FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace ORDER BY relkind DESC, oid`,
  );
  const rows = await cluster.query(database, tables.map(({ query }) => String(query)).join(" UNION ALL "));
  return new Map(rows.map(({ name, rows }) => [String(name), Number(rows)]));
}

/** The counts as lines of a table, and the tables whose counts differ although nothing empties them. */
export function countsSideBySide(
  production: ReadonlyMap<string, number>,
  local: ReadonlyMap<string, number>,
  emptied: ReadonlySet<string>,
): { rows: string[][]; unexpected: string[] } {
  const unexpected: string[] = [];
  const rows = [...production].map(([table, count]) => {
    const copied = local.get(table) ?? 0;
    if (emptied.has(table) && copied === 0)
      return [table, count.toLocaleString("en"), "0", "emptied by neutralise.sql"];
    if (copied !== count) unexpected.push(table);
    return [
      table,
      count.toLocaleString("en"),
      copied.toLocaleString("en"),
      copied === count ? "equal" : "DIFFERENT",
    ];
  });
  return { rows, unexpected };
}

export async function sampleCustomers(cluster: Cluster, database: string): Promise<string[]> {
  const rows = await cluster.query(database, "SELECT name, email FROM customers ORDER BY id LIMIT 2");
  return rows.map(({ name, email }) => `${String(name)} <${String(email)}>`);
}
