import { quoteIdentifier as quote } from "../../../src/postgres/quote.ts";
import { inSql, type Statement, type Table, type World } from "./model.ts";
import type { Random } from "./random.ts";

/** Statements that move rows, or change how they are stored, and no value. None of them may stand in a transaction. */
export function changeStorage(
  { random, world }: { random: Random; world: World },
  table: Table,
): Statement[] {
  const name = inSql(world, table);
  const statement = (sql: string): Statement => ({ sql, about: table.name });
  const vacuum = random.pick([
    "VACUUM",
    "VACUUM",
    "VACUUM (FREEZE)",
    "VACUUM FULL",
    "VACUUM (DISABLE_PAGE_SKIPPING)",
  ]);
  const isAltered = !table.isPartitioned && !table.isPinned && table.parent === undefined;
  if (!isAltered || random.oneIn(2)) return [statement(`${vacuum} ${name}`)];

  const column = table.columns.find(({ kind }) => /^(?:text|bytea|jsonb?|varchar.*)$/.test(kind.type));
  const choices = [[statement(`ALTER TABLE ${name} SET (fillfactor = ${10 + random.below(91)})`)]];
  if (table.key !== undefined) {
    choices.push(clusterBy(random, table, statement, name), clusterBy(random, table, statement, name));
  }
  if (column !== undefined) {
    const storage = random.pick(["PLAIN", "EXTERNAL", "EXTENDED", "MAIN"]);
    // A page holds no longer value than itself.
    const safe = storage === "PLAIN" ? "EXTERNAL" : storage;
    choices.push([statement(`ALTER TABLE ${name} ALTER ${quote(column.name)} SET STORAGE ${safe}`)]);
    choices.push([statement(compressionSql(name, quote(column.name), random.pick(["pglz", "lz4"])))]);
  }
  return random.pick(choices);
}

/** By an index of its own, which goes again: a backup brings back the mark only together with it. */
function clusterBy(
  random: Random,
  table: Table,
  statement: (sql: string) => Statement,
  name: string,
): Statement[] {
  const expression = random.pick([
    quote(table.key?.name ?? ""),
    `hashint8(${quote(table.key?.name ?? "")}::bigint)`,
  ]);
  const isColumn = expression.startsWith('"');
  const index = quote(`cluster ${table.name}`.slice(0, 20));
  const schema = name.slice(0, name.lastIndexOf(quote(table.name)));
  return [
    statement(`CREATE INDEX ${index} ON ${name} (${isColumn ? expression : `(${expression})`})`),
    statement(`CLUSTER ${name} USING ${index}`),
    statement(`DROP INDEX ${schema}${index}`),
  ];
}

/** A server can be built without lz4. */
function compressionSql(name: string, column: string, method: string): string {
  const sql = `ALTER TABLE ${name} ALTER ${column} SET COMPRESSION ${method}`;
  const isKnown = `SELECT '${method}' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'`;
  return `DO $do$ BEGIN IF (${isKnown}) THEN EXECUTE $sql$${sql}$sql$; END IF; END $do$`;
}
