import { quoteIdentifier as quote } from "../../../src/postgres/quote.ts";
import { valueSql } from "./column-kinds.ts";
import { allColumns, inSql, keyOf, type Statement, type Table, type World } from "./model.ts";
import type { Random } from "./random.ts";

/** Statements that change rows. Each may stand in a transaction. */

interface Place {
  random: Random;
  world: World;
}

/** Rows that an INSERT may add. */
const ROW_COUNTS: readonly number[] = [1, 3, 30, 30, 150, 400];

export function insertRows(
  { random, world }: Place,
  table: Table,
  count = random.pick(ROW_COUNTS),
): Statement {
  const from = table.nextKey;
  table.nextKey += count;
  const series = `generate_series(${from}, ${from + count - 1}) AS series(n)`;
  const key = keyOf(table);
  const salt = random.below(1_000_000);
  const columns = allColumns(table).map((column) => ({
    name: column.name,
    value: column === key ? "n" : valueSql(column.kind, "n", salt),
  }));
  if (table.reference !== undefined && world.tables.includes(table.reference.to)) {
    columns.push({ name: table.reference.column, value: referenceSql(world, table.reference.to, salt) });
  }
  const names = columns.length === 0 ? "" : `(${columns.map(({ name }) => quote(name)).join(", ")})`;
  const values = columns.map(({ value }) => value).join(", ");
  return {
    sql: `INSERT INTO ${inSql(world, table)} ${names} SELECT ${values} FROM ${series}`,
    about: table.name,
  };
}

/** A key of the table that is referred to, another one for another row; NULL where there is none. */
function referenceSql(world: World, to: Table, salt: number): string {
  const key = quote(to.key?.name ?? "");
  return `(SELECT ${key} FROM ${inSql(world, to)} WHERE ${key} >= (n + ${salt}) % ${to.nextKey} ORDER BY ${key} LIMIT 1)`;
}

function updateRows({ random, world }: Place, table: Table): Statement | undefined {
  const key = keyOf(table);
  const others = allColumns(table).filter((column) => column !== key);
  if (key === undefined || others.length === 0) return undefined;
  const salt = random.below(1_000_000);
  const set = random
    .some(others, 1 + random.below(3))
    .map(({ name, kind }) => `${quote(name)} = ${valueSql(kind, quote(key.name), salt)}`);
  return {
    sql: `UPDATE ${inSql(world, table)} SET ${set.join(", ")} WHERE ${someRows(random, table, quote(key.name))}`,
    about: table.name,
  };
}

/**
 * Other values of as many bytes, in few rows: blocks stay as long and have as many rows, wherever there is room for the
 * new rows beside the old ones.
 */
export function rewriteRows({ random, world }: Place, table: Table): Statement | undefined {
  const key = keyOf(table);
  const others = allColumns(table).filter(
    (column) => column !== key && !column.isPinned && column.kind.sameSize !== undefined,
  );
  if (key === undefined || others.length === 0) return undefined;
  const set = random.some(others, 1 + random.below(2)).map(({ name, kind }) => {
    const value = (kind.sameSize ?? "").replaceAll(":column", () => quote(name));
    return `${quote(name)} = ${value}`;
  });
  const name = quote(key.name);
  const at = random.below(table.nextKey);
  const rows = random.pick([
    `${name} = ${at}`,
    `${name} BETWEEN ${at} AND ${at + random.below(3)}`,
    `hashint8(${name}::bigint + ${at}) & 63 = 0`,
  ]);
  return { sql: `UPDATE ${inSql(world, table)} SET ${set.join(", ")} WHERE ${rows}`, about: table.name };
}

function deleteRows({ random, world }: Place, table: Table): Statement {
  const key = keyOf(table);
  const which =
    key === undefined
      ? random.pick(["true", "ctid < '(0,20)'", "ctid >= '(1,0)'"])
      : random.oneIn(6)
        ? "true"
        : someRows(random, table, quote(key.name));
  return { sql: `DELETE FROM ${inSql(world, table)} WHERE ${which}`, about: table.name };
}

/** A condition: one row, a run of rows, rows here and there, half of them. */
function someRows(random: Random, table: Table, key: string): string {
  const at = random.below(table.nextKey);
  return random.pick([
    `${key} = ${at}`,
    `${key} BETWEEN ${at} AND ${at + random.below(50)}`,
    `hashint8(${key}::bigint + ${at}) & 31 = 0`,
    `hashint8(${key}::bigint + ${at}) & 1 = 0`,
    `${key} > ${at}`,
  ]);
}

/** One value of some megabytes. */
export function updateHugely({ random, world }: Place, table: Table): Statement | undefined {
  const key = keyOf(table);
  const wide = table.columns.find(({ kind }) => kind.type === "text");
  if (key === undefined || wide === undefined) return undefined;
  const value = `repeat(md5('${random.below(1000)}') || E'\\\\', 140000)`;
  const name = quote(key.name);
  const one = `${name} = (SELECT min(${name}) FROM ${inSql(world, table)})`;
  return {
    sql: `UPDATE ${inSql(world, table)} SET ${quote(wide.name)} = ${value} WHERE ${one}`,
    about: table.name,
  };
}

export function lockRows({ random, world }: Place, table: Table): Statement | undefined {
  const key = keyOf(table);
  if (key === undefined) return undefined;
  const strength = random.pick(["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"]);
  const rows = someRows(random, table, quote(key.name));
  return { sql: `SELECT FROM ${inSql(world, table)} WHERE ${rows} FOR ${strength}`, about: table.name };
}

/** Any change, or none where the table has nothing to change. */
export function changeRows(place: Place, table: Table): Statement[] {
  const { random } = place;
  const change = random.pick([insertRows, insertRows, updateRows, updateRows, updateRows, deleteRows]);
  return [change(place, table) ?? []].flat();
}

/** Rows of numbers alone, sent as text. With FREEZE where the table was emptied in the same transaction. */
export function copyRows({ random, world }: Place, table: Table): Statement[] {
  const key = keyOf(table);
  if (key === undefined) return [];
  const count = 50 + random.below(500);
  const from = table.nextKey;
  table.nextKey += count;
  const input = Array.from({ length: count }, (_, index) => `${from + index}\n`).join("");
  return [{ sql: `COPY ${inSql(world, table)} (${quote(key.name)}) FROM STDIN`, about: table.name, input }];
}
