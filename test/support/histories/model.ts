import { quoteQualified } from "../../../src/postgres/quote.ts";
import type { ColumnKind } from "./column-kinds.ts";

/** What a history's generator knows of the schema that its statements have made so far. */
export interface Column {
  name: string;
  kind: ColumnKind;
  /** Something else is built upon its type or its being there: it may only be renamed. */
  isPinned: boolean;
}

export interface Table {
  name: string;
  /** The columns that statements set: neither generated ones nor identities. */
  columns: Column[];
  /** A whole number that grows with each row; undefined for a table that has no column to set. */
  key: Column | undefined;
  hasPrimaryKey: boolean;
  /** The key of the next row. */
  nextKey: number;
  /** What its rows refer to. */
  reference: { column: string; to: Table } | undefined;
  /** The table that it inherits columns from. */
  parent: Table | undefined;
  /** The partitioned table that it is a partition of: rows are changed through that one. */
  partitionOf: Table | undefined;
  /** Partitioned tables have no storage of their own. */
  isPartitioned: boolean;
  /** Its partitions are ranges of keys, which may come and go. */
  isRanged: boolean;
  /** A view depends on its columns, or other tables do: they stay as they are. */
  isPinned: boolean;
  isUnlogged: boolean;
  /** Made to be rewritten in place. */
  isRoomy: boolean;
}

/** One statement, or several that run in one query. */
export interface Statement {
  sql: string;
  /** The name of the table that it is about, for people. */
  about: string;
  /** What `COPY … FROM STDIN` is sent. */
  input?: string;
}

/** A transaction that is open while a backup runs. */
export interface OpenTransaction {
  statements: Statement[];
  /** When it ends: while the backup reads, after its snapshot, or after the backup. */
  ends: "during" | "after";
  how: "COMMIT" | "ROLLBACK";
}

/** What happens between two backups. */
export interface Step {
  statements: Statement[];
  open: OpenTransaction | undefined;
}

/** The life of one schema, a backup after each step. The first step makes it. */
export interface History {
  seed: number;
  schema: string;
  steps: Step[];
}

/** The state of a generator. */
export interface World {
  readonly schema: string;
  /** The server's major version. */
  readonly major: number;
  readonly tables: Table[];
  readonly largeObjects: number[];
}

/** The columns that an INSERT sets: the parent's, too. */
export function allColumns(table: Table): Column[] {
  return [...(table.parent === undefined ? [] : allColumns(table.parent)), ...table.columns];
}

/** The column that tells rows apart, which an inheritance child has from its parent. */
export function keyOf(table: Table): Column | undefined {
  return table.key ?? (table.parent === undefined ? undefined : keyOf(table.parent));
}

export function inSql(world: Pick<World, "schema">, { name }: Pick<Table, "name">): string {
  return quoteQualified(world.schema, name);
}
