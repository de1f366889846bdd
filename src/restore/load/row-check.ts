import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { quoteQualified } from "../../postgres/quote.ts";
import type { Manifest, ManifestTable } from "../../repository/manifest.ts";

/** Tables counted by one statement. */
const TABLES_PER_STATEMENT = 100;
/** Tables that an error names. */
const NAMED_TABLES = 5;

export interface RowCheckRequest {
  manifest: Pick<Manifest, "tables">;
  /** Extensions that were not created: the rows of their tables are left out. */
  missingExtensions: ReadonlySet<string>;
}

/**
 * Compares the number of rows of every table with the manifest's.
 *
 * As who loaded, never as a superuser: merely planning a query computes constant parts of a table's index expressions,
 * by functions that came with the backup.
 *
 * @throws DataopsError `corrupt` where a table is missing or has another number of rows
 */
export async function checkRows(client: PostgresClient, request: RowCheckRequest): Promise<void> {
  const tables = request.manifest.tables.filter(
    ({ extension }) => extension === undefined || !request.missingExtensions.has(extension),
  );
  const differences: string[] = [];
  await client.query("BEGIN; SET LOCAL row_security = off; SET LOCAL statement_timeout = 0");
  try {
    const kinds = await readTables(client);
    await liftForcedPolicies(client, kinds.values());
    const present = tables.filter((table) => kinds.has(tableKey(table)));
    const counts = await countRows(client, present, kinds);
    for (const table of tables) {
      const found = counts.get(tableKey(table));
      if (found !== table.rows) differences.push(describeDifference(table, found));
    }
  } finally {
    if (!client.closed) await client.query("ROLLBACK");
  }
  if (differences.length === 0) return;
  const named = differences.slice(0, NAMED_TABLES).join(", ");
  const more = differences.length > NAMED_TABLES ? `, and ${differences.length - NAMED_TABLES} more` : "";
  throw new DataopsError("corrupt", `the restored rows are not those of the backup: ${named}${more}`, {
    hint: "restore an older backup (`dataops list`), and keep this one to look into",
  });
}

export interface TableFacts {
  schema: string;
  name: string;
  /** Whether policies hide rows from this role though it owns the table. */
  forced: boolean;
  /** For an extension's table: the condition of the rows that are in a dump. */
  condition: string;
}

/** Ordinary tables only: a view of the same name would run what it says. */
const TABLES = `
SELECT namespace.nspname AS schema, class.relname AS name,
       class.relrowsecurity AND class.relforcerowsecurity AND NOT role.rolsuper AND NOT role.rolbypassrls AS forced,
       coalesce((SELECT entry.condition
                   FROM pg_catalog.pg_extension AS extension,
                        LATERAL unnest(extension.extconfig, extension.extcondition) AS entry(oid, condition)
                  WHERE entry.oid = class.oid), '') AS condition
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
  JOIN pg_catalog.pg_roles AS role ON role.rolname = current_user
 WHERE class.relkind = 'r'`;

/** The ordinary tables of the database, by their keys. */
export async function readTables(client: PostgresClient): Promise<Map<string, TableFacts>> {
  const rows = await client.query<TableFacts & Record<string, unknown>>(TABLES);
  return new Map(rows.map((row) => [tableKey(row), row]));
}

/** A backup may have been restored by an owner without BYPASSRLS. The transaction's end undoes it. */
export async function liftForcedPolicies(
  client: PostgresClient,
  tables: Iterable<TableFacts>,
): Promise<void> {
  for (const { schema, name, forced } of tables) {
    if (forced) await client.query(`ALTER TABLE ${quoteQualified(schema, name)} NO FORCE ROW LEVEL SECURITY`);
  }
}

async function countRows(
  client: PostgresClient,
  tables: readonly ManifestTable[],
  facts: ReadonlyMap<string, TableFacts>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let first = 0; first < tables.length; first += TABLES_PER_STATEMENT) {
    const batch = tables.slice(first, first + TABLES_PER_STATEMENT);
    const statement = batch
      .map(({ schema, name, ...rest }, index) => {
        const condition = facts.get(tableKey({ schema, name }))?.condition ?? "";
        const rows = `FROM ONLY ${quoteQualified(schema, name)} ${rest.extension === undefined ? "" : condition}`;
        return `SELECT ${index} AS index, pg_catalog.count(*)::text AS rows ${rows}`;
      })
      .join("\nUNION ALL ");
    // Planning locks every index; undoing to the savepoint gives those locks back, or 10,000 tables need too many.
    await client.query("SAVEPOINT counting");
    const rows = await client.query<{ index: number; rows: string }>(statement);
    await client.query("ROLLBACK TO SAVEPOINT counting; RELEASE SAVEPOINT counting");
    for (const { index, rows: count } of rows) {
      const table = batch[index];
      if (table !== undefined) counts.set(tableKey(table), Number(count));
    }
  }
  return counts;
}

/** What tells a table from every other. */
export function tableKey({ schema, name }: Pick<ManifestTable, "schema" | "name">): string {
  return JSON.stringify([schema, name]);
}

function describeDifference({ schema, name, rows }: ManifestTable, found: number | undefined): string {
  const is = found === undefined ? "is missing" : `has ${found}`;
  return `${schema}.${name} ${is} (backup: ${rows})`;
}
