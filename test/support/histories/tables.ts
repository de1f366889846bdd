import { quoteIdentifier as quote } from "../../../src/postgres/quote.ts";
import { COLUMN_KINDS, type ColumnKindName } from "./column-kinds.ts";
import { inSql, type Column, type Statement, type Table, type World } from "./model.ts";
import type { Names } from "./names.ts";
import type { Random } from "./random.ts";

/** The making of one table of each kind that there is, without rows. */

export interface TableMaker {
  random: Random;
  names: Names;
  world: World;
}

type Shape = (maker: TableMaker) => Statement[];

const COLUMN_NAMES = Object.keys(COLUMN_KINDS).filter((name): name is ColumnKindName => name in COLUMN_KINDS);

export function newColumn({ random, names }: TableMaker): Column {
  return { name: names.next("c"), kind: COLUMN_KINDS[random.pick(COLUMN_NAMES)], isPinned: false };
}

function newTable(maker: TableMaker, changes: Partial<Table> = {}): Table {
  const { random, names, world } = maker;
  const key = { name: names.next("id"), kind: COLUMN_KINDS.integer, isPinned: false };
  const others = Array.from({ length: random.below(6) }, () => newColumn(maker));
  const table: Table = {
    name: names.next("t"),
    columns: [key, ...others],
    key,
    hasPrimaryKey: false,
    nextKey: 1,
    reference: undefined,
    parent: undefined,
    partitionOf: undefined,
    isPartitioned: false,
    isRanged: false,
    isPinned: false,
    isUnlogged: false,
    isRoomy: false,
    ...changes,
  };
  world.tables.push(table);
  return table;
}

function columnList(table: Table): string[] {
  return table.columns.map(({ name, kind }) => `${quote(name)} ${kind.type}`);
}

/** The statement that makes the table, with more in its parentheses, and behind them. */
function create({ world }: TableMaker, table: Table, more: readonly string[] = [], after = ""): Statement {
  const kind = table.isUnlogged ? "UNLOGGED TABLE" : "TABLE";
  const inside = [...columnList(table), ...more].join(", ");
  return { sql: `CREATE ${kind} ${inSql(world, table)} (${inside}) ${after}`, about: table.name };
}

function about({ world }: TableMaker, table: Table, sql: string): Statement {
  return { sql: sql.replaceAll(":table", () => inSql(world, table)), about: table.name };
}

function primaryKey(table: Table): string {
  table.hasPrimaryKey = true;
  return `PRIMARY KEY (${quote(table.key?.name ?? "")})`;
}

/** Pins the key: a generated column, a partition bound or a reference stands on its type. */
function pinnedKey(table: Table): string {
  if (table.key === undefined) throw new Error("no key");
  table.key.isPinned = true;
  return quote(table.key.name);
}

const withKey: Shape = (maker) => {
  const table = newTable(maker);
  return [create(maker, table, [primaryKey(table)])];
};

const withoutKey: Shape = (maker) => [create(maker, newTable(maker))];

const wide: Shape = (maker) => {
  const columns = Array.from({ length: 14 }, () => newColumn(maker));
  const table = newTable(maker);
  table.columns.push(...columns);
  return [create(maker, table)];
};

/** Rows of equal length, with room on each page for another version of some. */
const roomy: Shape = (maker) => {
  const { names, random } = maker;
  const table = newTable(maker, { isRoomy: true });
  for (const kind of ["uuid", "text", "integer"] as const) {
    table.columns.push({ name: names.next("v"), kind: COLUMN_KINDS[kind], isPinned: false });
  }
  const keyed = random.oneIn(2) ? [primaryKey(table)] : [];
  return [create(maker, table, keyed, `WITH (fillfactor = ${40 + random.below(50)})`)];
};

const toasted: Shape = (maker) => {
  const table = newTable(maker);
  table.columns.push({ name: maker.names.next("w"), kind: COLUMN_KINDS.wide, isPinned: false });
  return [create(maker, table, maker.random.oneIn(2) ? [primaryKey(table)] : [])];
};

const unlogged: Shape = (maker) => [create(maker, newTable(maker, { isUnlogged: true }))];

const noColumns: Shape = (maker) => [
  create(maker, newTable(maker, { columns: [], key: undefined, isPinned: true })),
];

const onlyGenerated: Shape = (maker) => {
  const table = newTable(maker, { columns: [], key: undefined, isPinned: true });
  return [
    create(maker, table, [
      "a int GENERATED ALWAYS AS (1 + 1) STORED",
      "b text GENERATED ALWAYS AS ('x') STORED",
    ]),
  ];
};

const generated: Shape = (maker) => {
  const table = newTable(maker);
  const stored = `${quote(maker.names.next("g"))} text GENERATED ALWAYS AS (${pinnedKey(table)}::text || E'\\n') STORED`;
  const kind = maker.world.major >= 18 ? "VIRTUAL" : "STORED";
  const other = `${quote(maker.names.next("g"))} bigint GENERATED ALWAYS AS (${pinnedKey(table)} * 2) ${kind}`;
  return [create(maker, table, [stored, other])];
};

const identity: Shape = (maker) => {
  const table = newTable(maker);
  const always = `${quote(maker.names.next("i"))} bigint GENERATED ALWAYS AS IDENTITY (START WITH -5 MINVALUE -100 INCREMENT BY 3)`;
  const byDefault = `${quote(maker.names.next("s"))} serial`;
  return [create(maker, table, [always, byDefault])];
};

const secured: Shape = (maker) => {
  const table = newTable(maker);
  const policy = quote(maker.names.next("p"));
  return [
    create(maker, table),
    about(maker, table, "ALTER TABLE :table ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
    about(maker, table, `CREATE POLICY ${policy} ON :table USING (false)`),
  ];
};

const triggered: Shape = (maker) => {
  const table = newTable(maker);
  const trigger = quote(maker.names.next("x"));
  return [
    create(maker, table, ["touched text DEFAULT ''"]),
    about(
      maker,
      table,
      `CREATE TRIGGER ${trigger} BEFORE INSERT OR UPDATE ON :table FOR EACH ROW EXECUTE FUNCTION ${quote(maker.world.schema)}.touch()`,
    ),
  ];
};

const referring: Shape = (maker) => {
  const parent = newTable(maker);
  const child = newTable(maker);
  const key = pinnedKey(parent);
  const column = maker.names.next("r");
  child.reference = { column, to: parent };
  const reference = `${quote(column)} integer REFERENCES ${inSql(maker.world, parent)} ON DELETE CASCADE`;
  return [
    create(maker, parent, [primaryKey(parent)]),
    about(maker, parent, `CREATE INDEX ON :table (${key})`),
    create(maker, child, [reference]),
  ];
};

const inheriting: Shape = (maker) => {
  const parent = newTable(maker);
  const child = newTable(maker, { parent });
  child.columns = child.columns.slice(1);
  child.key = undefined;
  return [create(maker, parent), create(maker, child, [], `INHERITS (${inSql(maker.world, parent)})`)];
};

const viewed: Shape = (maker) => {
  const table = newTable(maker, { isPinned: true });
  const view = quote(maker.names.next("m"));
  const schema = quote(maker.world.schema);
  return [
    create(maker, table),
    about(
      maker,
      table,
      `CREATE MATERIALIZED VIEW ${schema}.${view} AS SELECT count(*) AS "rows", max(${pinnedKey(table)}) AS last FROM :table`,
    ),
    about(
      maker,
      table,
      `CREATE MATERIALIZED VIEW ${schema}.${quote(maker.names.next("m"))} AS SELECT * FROM :table WITH NO DATA`,
    ),
    about(maker, table, `CREATE VIEW ${schema}.${quote(maker.names.next("v"))} AS SELECT * FROM :table`),
  ];
};

/** From here on, keys of a table that is partitioned by ranges are in its default partition, or in one that comes later. */
const FIRST_FREE_KEY = 250;

const partitionedByRange: Shape = (maker) => {
  const table = newTable(maker, { isPartitioned: true, isRanged: true });
  const by = `PARTITION BY RANGE (${pinnedKey(table)})`;
  const keyed = maker.random.oneIn(2) ? [primaryKey(table)] : [];
  return [
    create(maker, table, keyed, by),
    partition(maker, table, "FOR VALUES FROM (MINVALUE) TO (100)"),
    partition(maker, table, `FOR VALUES FROM (100) TO (${FIRST_FREE_KEY})`),
    partition(maker, table, "DEFAULT"),
  ];
};

const partitionedByHash: Shape = (maker) => {
  const table = newTable(maker, { isPartitioned: true });
  const by = `PARTITION BY HASH (${pinnedKey(table)})`;
  return [
    create(maker, table, [], by),
    ...[0, 1, 2].map((rest) => partition(maker, table, `FOR VALUES WITH (MODULUS 3, REMAINDER ${rest})`)),
  ];
};

function partition(maker: TableMaker, of: Table, bounds: string): Statement {
  const table = newTable(maker, { columns: of.columns, key: of.key, partitionOf: of });
  return about(maker, table, `CREATE TABLE :table PARTITION OF ${inSql(maker.world, of)} ${bounds}`);
}

/** A table that takes a range of keys of a partitioned one, with its columns in another order, one of them dropped. */
export function attachPartition(maker: TableMaker, of: Table): Statement[] {
  const { random, world } = maker;
  const rows = 1 + random.below(60);
  const table = newTable(maker, { columns: of.columns, key: of.key, partitionOf: of });
  const key = quote(of.key?.name ?? "");
  const shuffled = { ...table, columns: random.some(of.columns, of.columns.length) };
  const from = Math.max(of.nextKey, FIRST_FREE_KEY);
  of.nextKey = from + rows;
  const notNull = of.hasPrimaryKey
    ? [about(maker, table, `ALTER TABLE :table ALTER ${key} SET NOT NULL`)]
    : [];
  return [
    create(maker, shuffled, ["gone integer DEFAULT 7"]),
    about(maker, table, `INSERT INTO :table (${key}) SELECT generate_series(${from}, ${from + rows - 1})`),
    about(maker, table, "ALTER TABLE :table DROP COLUMN gone"),
    ...notNull,
    about(
      maker,
      table,
      `ALTER TABLE ${inSql(world, of)} ATTACH PARTITION :table FOR VALUES FROM (${from}) TO (${from + rows})`,
    ),
  ];
}

const SHAPES: readonly Shape[] = [
  withKey,
  withKey,
  withoutKey,
  withoutKey,
  roomy,
  roomy,
  roomy,
  roomy,
  toasted,
  toasted,
  wide,
  unlogged,
  noColumns,
  onlyGenerated,
  generated,
  identity,
  secured,
  triggered,
  referring,
  inheriting,
  viewed,
  partitionedByRange,
  partitionedByHash,
];

/** Makes a table of any kind, or several that belong together. */
export function createTable(maker: TableMaker): Statement[] {
  return maker.random.pick(SHAPES)(maker);
}
