import { quoteIdentifier as quote } from "../../../src/postgres/quote.ts";
import type { History, OpenTransaction, Statement, Step, Table, World } from "./model.ts";
import { Names } from "./names.ts";
import { Random } from "./random.ts";
import { changeRows, copyRows, insertRows, lockRows, rewriteRows, updateHugely } from "./row-changes.ts";
import { changeSchema, inSchema } from "./schema-changes.ts";
import { changeStorage } from "./storage-changes.ts";
import { createTable, type TableMaker } from "./tables.ts";

/** Schemas' names around the history's seed, by which a difference is found again. */
const SCHEMA_NAMES: readonly ((seed: number) => string)[] = [
  (seed) => `history${seed}`,
  (seed) => `History "${seed}" 👻`,
  (seed) => `history$${seed}.*?`,
];

const FIRST_TABLES = 3;
const FIRST_ROWS: readonly number[] = [1, 30, 300, 600];
const ROOMY_ROWS = 500;
const FIRST_LARGE_OBJECT = 1_000_000;

export interface HistoryOptions {
  /** The server's major version. */
  major: number;
  steps: number;
}

/** The history of a seed: always the same. */
export function generateHistory(seed: number, { major, steps }: HistoryOptions): History {
  const random = new Random(seed);
  const schema = (SCHEMA_NAMES[seed % SCHEMA_NAMES.length] ?? String)(seed);
  const maker: TableMaker = {
    random,
    names: new Names(random),
    world: { schema, major, tables: [], largeObjects: [] },
  };
  const later = Array.from({ length: steps }, (_, index) =>
    index === 0 ? firstStep(maker) : nextStep(maker, seed),
  );
  return { seed, schema, steps: later.map((step) => withSchema(maker.world, step)) };
}

/** What columns' types and triggers need. */
const FURNITURE = `
CREATE SCHEMA :schema;
CREATE TYPE :schema."mood '1" AS ENUM ('sad', E'o\\\\k\\n', 'happy, "very"');
CREATE TYPE :schema."address ""2" AS (street text, city varchar(20), tags text[]);
CREATE DOMAIN :schema."positive.number" AS numeric(10,2) CHECK (VALUE > 0);
CREATE FUNCTION :schema.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := NEW.touched || '!'; RETURN NEW; END $$;
DO $do$ BEGIN
  IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
    CREATE COLLATION :schema."as bytes" FROM "und-x-icu";
  ELSE
    CREATE COLLATION :schema."as bytes" FROM "C";
  END IF;
END $do$`;

function firstStep(maker: TableMaker): Step {
  const statements: Statement[] = [{ sql: FURNITURE, about: "the schema" }];
  for (let count = 0; count < FIRST_TABLES; count += 1) statements.push(...createTable(maker));
  for (const table of changeable(maker.world)) {
    if (maker.random.oneIn(6)) continue;
    const count = table.isRoomy ? ROOMY_ROWS : maker.random.pick(FIRST_ROWS);
    statements.push(insertRows(maker, table, count));
  }
  return { statements, open: undefined };
}

/** Rows of a partition are changed through the partitioned table. */
function changeable(world: World): Table[] {
  return world.tables.filter(({ partitionOf }) => partitionOf === undefined);
}

function nextStep(maker: TableMaker, seed: number): Step {
  const { random, world } = maker;
  const statements: Statement[] = [];
  // Some steps change nothing.
  for (let count = random.below(9); count > 0 && changeable(world).length > 0; count -= 1) {
    const table = random.pick(changeable(world));
    const any = random.pick(world.tables);
    statements.push(...random.pick(ACTIONS)(maker, { table, any, seed }));
  }
  return { statements, open: random.oneIn(2) ? openTransaction(maker) : undefined };
}

type Action = (
  maker: TableMaker,
  of: {
    /** One whose rows may be changed. */
    table: Table;
    any: Table;
    seed: number;
  },
) => Statement[];

const rows: Action = (maker, { table }) => changeRows(maker, table);
const rewrite: Action = (maker, { table }) => {
  const { random, world } = maker;
  const roomy = changeable(world).filter(({ isRoomy }) => isRoomy);
  const rewritten = roomy.length > 0 && !random.oneIn(4) ? random.pick(roomy) : table;
  return [rewriteRows(maker, rewritten) ?? []].flat();
};
const storage: Action = (maker, { any }) => changeStorage(maker, any);
const schema: Action = (maker, { any }) => changeSchema(maker, any);
const copy: Action = (maker, { table }) => copyRows(maker, table);

/** Into a table that was emptied in the same transaction, with rows that are frozen from the beginning. */
const copyFrozen: Action = (maker, { table }) => {
  const [copied] = table.isPartitioned || table.isPinned ? [] : copyRows(maker, table);
  if (copied === undefined) return [];
  const target = copied.sql.slice("COPY ".length, copied.sql.lastIndexOf(" ("));
  return [
    { sql: "BEGIN", about: table.name },
    { sql: `TRUNCATE ${target} CASCADE`, about: table.name },
    { ...copied, sql: `${copied.sql} (FREEZE)` },
    { sql: "COMMIT", about: table.name },
  ];
};

/** Rows of an aborted transaction between those of one that is not. */
const rolledBack: Action = (maker, { table }) => [
  { sql: "BEGIN", about: table.name },
  ...changeRows(maker, table),
  { sql: "SAVEPOINT here", about: table.name },
  ...changeRows(maker, table),
  ...changeRows(maker, table),
  { sql: "ROLLBACK TO here", about: table.name },
  ...changeRows(maker, table),
  { sql: maker.random.oneIn(4) ? "ROLLBACK" : "COMMIT", about: table.name },
];

const locked: Action = (maker, { table }) => [lockRows(maker, table) ?? []].flat();
const huge: Action = (maker, { table }) =>
  maker.random.oneIn(6) ? [updateHugely(maker, table) ?? []].flat() : [];

const largeObject: Action = ({ random, world }, { seed }) => {
  const about = "large objects";
  const old = world.largeObjects.pop();
  if (old !== undefined && random.oneIn(2)) return [{ sql: `SELECT lo_unlink(${old})`, about }];
  if (old !== undefined) world.largeObjects.push(old);
  const oid = FIRST_LARGE_OBJECT + seed * 100 + random.below(100);
  if (world.largeObjects.includes(oid)) return [{ sql: `SELECT lo_put(${oid}, 3, 'x')`, about }];
  world.largeObjects.push(oid);
  const content = `decode(repeat('00ff5c', ${random.below(3000)}), 'hex')`;
  return [
    { sql: `SELECT lo_from_bytea(${oid}, ${content}); COMMENT ON LARGE OBJECT ${oid} IS E'\\\\.\\n'`, about },
  ];
};

const sequence: Action = ({ names, random }) => {
  const name = `:schema.${quote(names.next("s"))}`;
  const sql = `CREATE SEQUENCE ${name} INCREMENT BY -7 MINVALUE -100 MAXVALUE 100 START WITH 100 CYCLE; SELECT nextval(${literal(name)}) FROM generate_series(1, ${random.below(40)})`;
  return [{ sql, about: "a sequence" }];
};

function literal(text: string): string {
  return `$literal$${text}$literal$`;
}

const ACTIONS: readonly Action[] = [
  rows,
  rows,
  rows,
  rows,
  rows,
  rewrite,
  rewrite,
  rewrite,
  rewrite,
  rewrite,
  rewrite,
  rewrite,
  rewrite,
  rewrite,
  storage,
  storage,
  storage,
  schema,
  schema,
  schema,
  schema,
  copy,
  copyFrozen,
  rolledBack,
  rolledBack,
  locked,
  huge,
  largeObject,
  sequence,
];

/** It ends before the next step's first statement at the latest. */
function openTransaction(maker: TableMaker): OpenTransaction | undefined {
  const { random, world } = maker;
  const tables = changeable(world);
  if (tables.length === 0) return undefined;
  const table = random.pick(tables);
  const statements = [
    changeRows(maker, table),
    changeRows(maker, table),
    [lockRows(maker, table) ?? []].flat(),
  ];
  return {
    statements: statements.flat(),
    ends: random.pick(["during", "after"]),
    how: random.pick(["COMMIT", "ROLLBACK"]),
  };
}

function withSchema(world: World, { statements, open }: Step): Step {
  const inPlace = (statement: Statement): Statement => ({
    ...statement,
    sql: inSchema(world, statement.sql),
  });
  return {
    statements: [...statements.map(inPlace), { sql: refreshSql(world), about: "materialized views" }],
    open: open === undefined ? undefined : { ...open, statements: open.statements.map(inPlace) },
  };
}

/** A restore refreshes views: what they held before is in no backup. */
function refreshSql(world: World): string {
  return inSchema(
    world,
    `DO $do$ DECLARE view text; BEGIN
       FOR view IN SELECT format('%I.%I', schemaname, matviewname) FROM pg_matviews
                    WHERE schemaname = ${literal(world.schema)} AND ispopulated LOOP
         EXECUTE 'REFRESH MATERIALIZED VIEW ' || view;
       END LOOP;
     END $do$`,
  );
}
