import { quoteIdentifier as quote } from "../../../src/postgres/quote.ts";
import { COLUMN_KINDS, valueSql } from "./column-kinds.ts";
import { inSql, type Column, type Statement, type Table, type World } from "./model.ts";
import { insertRows } from "./row-changes.ts";
import { attachPartition, createTable, newColumn, type TableMaker } from "./tables.ts";

/** Statements that change tables. Each gives none where the table does not allow it. */
type Change = (maker: TableMaker, table: Table) => Statement[];

function alter(world: World, table: Pick<Table, "name">, what: string): Statement[] {
  return [{ sql: `ALTER TABLE ${inSql(world, table)} ${what}`, about: table.name }];
}

function canChange(table: Table): boolean {
  return !table.isPinned && table.partitionOf === undefined && table.key !== undefined;
}

/** A column that may go: not the key, not what something else is built upon. */
function looseColumn({ random }: TableMaker, table: Table): Column | undefined {
  const loose = table.columns.filter((column) => column !== table.key && !column.isPinned);
  return loose.length === 0 ? undefined : random.pick(loose);
}

/** With a default that the catalogue keeps for old rows, one that is computed for each, or none. */
const addColumn: Change = (maker, table) => {
  if (!canChange(table)) return [];
  const column = newColumn(maker);
  const { random, world } = maker;
  const constant = valueSql(column.kind, String(random.below(1000)), 1);
  // A default may not look into other tables, and is computed for each row where it is volatile.
  const isPlain = !constant.includes("SELECT");
  const choices = ["", isPlain ? `DEFAULT ${constant}` : "", isPlain ? `DEFAULT ${constant}` : ""];
  table.columns.push(column);
  const sql = inSchema(world, `ADD ${quote(column.name)} ${column.kind.type} ${random.pick(choices)}`);
  const added = alter(world, table, sql);
  return random.oneIn(3)
    ? [...added, ...alter(world, table, `ALTER ${quote(column.name)} DROP DEFAULT`)]
    : added;
};

const addVolatileColumn: Change = (maker, table) => {
  if (!canChange(table)) return [];
  const column = { name: maker.names.next("c"), kind: COLUMN_KINDS.double, isPinned: false };
  table.columns.push(column);
  return alter(maker.world, table, `ADD ${quote(column.name)} ${column.kind.type} DEFAULT random()`);
};

const dropColumn: Change = (maker, table) => {
  const column = looseColumn(maker, table);
  if (!canChange(table) || column === undefined) return [];
  table.columns.splice(table.columns.indexOf(column), 1);
  return alter(maker.world, table, `DROP ${quote(column.name)}`);
};

/** The list of columns is then the same as before, and all values are others. */
const replaceLastColumn: Change = (maker, table) => {
  const column = table.columns.at(-1);
  if (!canChange(table) || column === undefined || column === table.key || column.isPinned) return [];
  const { world } = maker;
  const dropped = alter(world, table, `DROP ${quote(column.name)}`);
  column.kind = COLUMN_KINDS.text;
  return [...dropped, ...alter(world, table, `ADD ${quote(column.name)} text DEFAULT E'new\\n'`)];
};

const renameColumn: Change = (maker, table) => {
  if (!canChange(table) || table.columns.length === 0) return [];
  const { random, names, world } = maker;
  const column = random.pick(table.columns);
  const name = names.next("c");
  const renamed = alter(world, table, `RENAME ${quote(column.name)} TO ${quote(name)}`);
  column.name = name;
  return renamed;
};

const swapColumnNames: Change = (maker, table) => {
  const [one, other] = maker.random.some(table.columns, 2);
  if (!canChange(table) || one === undefined || other === undefined) return [];
  const rename = (from: string, to: string): Statement[] =>
    alter(maker.world, table, `RENAME ${quote(from)} TO ${quote(to)}`);
  const [first, second] = [one.name, other.name];
  one.name = second;
  other.name = first;
  return [...rename(first, "between"), ...rename(second, first), ...rename("between", second)];
};

const changeType: Change = (maker, table) => {
  const { random, world } = maker;
  const loose = table.columns.filter(({ kind, isPinned }) => kind.becomes !== undefined && !isPinned);
  if (!canChange(table) || loose.length === 0) return [];
  const column = random.pick(loose);
  const [name, using] = random.pick(column === table.key ? KEY_BECOMES : (column.kind.becomes ?? []));
  const kind = Object.entries(COLUMN_KINDS).find(([known]) => known === name)?.[1];
  if (kind === undefined) throw new Error(`no kind of column ${name}`);
  column.kind = kind;
  const value = using.replaceAll(":column", () => quote(column.name));
  const noDefault = alter(world, table, `ALTER ${quote(column.name)} DROP DEFAULT`);
  const sql = `ALTER ${quote(column.name)} TYPE ${kind.type} USING ${value}`;
  return [...noDefault, ...alter(world, table, inSchema(world, sql))];
};

/** A key stays a whole number. */
const KEY_BECOMES = [["bigint", ":column::bigint"]] as const;

const truncate: Change = ({ world }, table) => [
  { sql: `TRUNCATE ${inSql(world, table)} CASCADE`, about: table.name },
];

const renameTable: Change = ({ names, world }, table) => {
  const name = names.next("t");
  const renamed = alter(world, table, `RENAME TO ${quote(name)}`);
  table.name = name;
  return renamed;
};

/** A table takes another one's place: the same name, other rows, often other columns. */
const swapTables: Change = ({ random, world }, table) => {
  const other = random.pick(world.tables);
  if (other === table) return [];
  const [first, second] = [table.name, other.name];
  const swapped = [
    ...alter(world, table, `RENAME TO "between"`),
    ...alter(world, other, `RENAME TO ${quote(first)}`),
    ...alter(world, { name: "between" }, `RENAME TO ${quote(second)}`),
  ];
  table.name = second;
  other.name = first;
  return swapped;
};

const dropTable: Change = ({ world }, table) => {
  if (table.isPinned || table.partitionOf !== undefined) return [];
  const isGone = (other: Table): boolean =>
    other === table || other.partitionOf === table || other.parent === table;
  world.tables.splice(0, world.tables.length, ...world.tables.filter((other) => !isGone(other)));
  return [{ sql: `DROP TABLE ${inSql(world, table)} CASCADE`, about: table.name }];
};

const addTable: Change = (maker) =>
  createTable(maker).map((statement) => ({ ...statement, sql: inSchema(maker.world, statement.sql) }));

/** Another table under the name of one that is gone. */
const replaceTable: Change = (maker, table) => {
  const dropped = dropTable(maker, table);
  if (dropped.length === 0) return [];
  const created = addTable(maker, table);
  const newest = maker.world.tables.at(-1);
  if (newest === undefined) return [...dropped, ...created];
  const renamed = alter(maker.world, newest, `RENAME TO ${quote(table.name)}`);
  newest.name = table.name;
  return [...dropped, ...created, ...renamed, insertInto(maker, newest)].flat();
};

function insertInto(maker: TableMaker, table: Table): Statement[] {
  return table.partitionOf === undefined ? [insertRows(maker, table)] : [];
}

const attach: Change = (maker) => {
  const ranged = maker.world.tables.filter(({ isPartitioned, isRanged }) => isPartitioned && isRanged);
  if (ranged.length === 0) return [];
  return attachPartition(maker, maker.random.pick(ranged)).map((statement) => ({
    ...statement,
    sql: inSchema(maker.world, statement.sql),
  }));
};

/** What was a partition is then a table like others. */
const detach: Change = ({ random, world }) => {
  const partitions = world.tables.filter(({ partitionOf }) => partitionOf?.isRanged === true);
  if (partitions.length === 0) return [];
  const table = random.pick(partitions);
  const of = table.partitionOf;
  if (of === undefined) return [];
  table.partitionOf = undefined;
  table.columns = of.columns.map((column) => ({ ...column }));
  table.key = table.columns[of.columns.findIndex((column) => column === of.key)];
  table.hasPrimaryKey = of.hasPrimaryKey;
  table.nextKey = of.nextKey;
  return alter(world, of, `DETACH PARTITION ${inSql(world, table)}`);
};

/** The text of rows changes, and no row does. */
const renameLabel: Change = ({ names, world }, table) => [
  {
    sql: inSchema(
      world,
      `DO $do$ BEGIN EXECUTE format('ALTER TYPE :schema."mood ''1" RENAME VALUE %L TO %L', (enum_range(NULL:::schema."mood '1"))[1], $name$${names.next("label")}$name$); END $do$`,
    ),
    about: table.name,
  },
];

const setLogged: Change = ({ world }) => {
  const table = world.tables.find(({ isUnlogged }) => isUnlogged);
  if (table === undefined) return [];
  table.isUnlogged = false;
  return alter(world, table, "SET LOGGED");
};

const CHANGES: readonly Change[] = [
  addColumn,
  addColumn,
  addVolatileColumn,
  dropColumn,
  dropColumn,
  replaceLastColumn,
  renameColumn,
  swapColumnNames,
  changeType,
  changeType,
  truncate,
  renameTable,
  swapTables,
  dropTable,
  addTable,
  addTable,
  replaceTable,
  attach,
  detach,
  renameLabel,
  setLogged,
];

/** Any change of the schema; none where the table that was chosen does not allow the one that was. */
export function changeSchema(maker: TableMaker, table: Table): Statement[] {
  return maker.random.pick(CHANGES)(maker, table);
}

/** Puts the history's schema into SQL that has a place for it. */
export function inSchema({ schema }: Pick<World, "schema">, sql: string): string {
  return sql.replaceAll(":schema", () => quote(schema));
}
