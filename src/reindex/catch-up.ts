/** How a run finds out what has changed since it last looked. */

export interface TableName {
  schema: string;
  name: string;
}

/** A table that documents are also made from, and how its rows lead to a document's id. */
export interface FollowedTable {
  table: TableName;
  /** Of that table: the document's id; with `on`, what the root table's column equals. */
  column: string;
  on: { rootColumn: string; rootId: string } | undefined;
}

/**
 * - `rows`: each row of the table that the ids come from, by the transaction that wrote it; with `follow` also rows of other
 *   tables. No document is built to find out.
 * - `documents`: a hash of each document, built by the database. Exact for any SQL, and as slow as building them.
 */
export type CatchUp =
  | { method: "rows"; root: TableName; rootId: string; follow: readonly FollowedTable[] }
  | { method: "documents"; why: string };

/** A table or the like that the SQL reads. */
export interface ReadRelation extends TableName {
  oid: number;
  /** `pg_class.relkind`. */
  kind: string;
  /** Whether its rows carry the id of the transaction that wrote them. */
  isHeap: boolean;
}

/** What the server says of a team's SQL. */
export interface SqlFacts {
  /** The table's column that the id is taken from as it is; undefined where it is computed. */
  idOrigin: { table: number; column: string } | undefined;
  /** All that the SQL reads, functions aside; partitions as the table that they are parts of. */
  relations: readonly ReadRelation[];
  /** Of the plan's nodes: their type, and for scans the table's name. */
  nodes: readonly { type: string; table: string | undefined }[];
  /** What it calls that may give something else without any row having changed: `now`, a function of the team's. */
  unsteady: readonly string[];
}

/** `follow` of the configuration. */
export interface FollowSetting {
  table: string;
  column: string;
  on?: string | undefined;
}

/** With one table and these alone, a document is made from the one row of its id. */
const ONE_ROW_NODES = new Set([
  "Seq Scan",
  "Index Scan",
  "Index Only Scan",
  "Bitmap Heap Scan",
  "Bitmap Index Scan",
  "BitmapAnd",
  "BitmapOr",
  "Result",
  "Append",
  "Merge Append",
  "Sort",
  "Incremental Sort",
  "Gather",
  "Gather Merge",
  "Subquery Scan",
]);

/** A document is made from rows that have nothing to do with its id. */
const CROSS_ROW_NODES = new Set(["WindowAgg", "Recursive Union"]);

/** Tables, partitioned tables and materialized views. */
const KINDS_WITH_ROWS = "rpm";

/**
 * Chooses how changes are found. Pure.
 *
 * Two states of one row never have the same `xmin`: a transaction's changes are seen all at once, so of each row at most its last
 * version by that transaction. A row that is changed, inserted or gone therefore changes the collection of its document's
 * `xmin`s, whatever was committed when, frozen, locked or rewritten meanwhile.
 */
export function chooseCatchUp(facts: SqlFacts, follow: readonly FollowSetting[]): CatchUp {
  const { idOrigin, relations, nodes, unsteady } = facts;
  const documents = (why: string): CatchUp => ({ method: "documents", why });
  if (idOrigin === undefined) return documents("the id is computed");
  const root = relations.find(({ oid }) => oid === idOrigin.table);
  if (root === undefined || !hasRowVersions(root)) return documents("the id does not come from a table");
  const [call] = unsteady;
  if (call !== undefined) return documents(`the SQL calls ${call}, which no change of a row tells of`);
  const others = relations.filter(({ oid, kind }) => oid !== root.oid && kind !== "v");
  const followed = follow.map((setting) => ({ setting, table: findTable(relations, setting.table) }));
  const unread = followed.find(({ table }) => table === undefined);
  if (unread !== undefined)
    return documents(`the SQL does not read ${unread.setting.table}, which follow names`);
  const unnamed = others.find((other) => !followed.some(({ table }) => table?.oid === other.oid));
  if (unnamed !== undefined) return documents(`follow does not name ${unnamed.name}, which the SQL reads`);
  const rowless = others.find((other) => !hasRowVersions(other));
  if (rowless !== undefined) return documents(`${rowless.name} is not a table`);
  const node = nodes.find(({ type }) =>
    follow.length === 0 ? !ONE_ROW_NODES.has(type) : CROSS_ROW_NODES.has(type),
  );
  if (node !== undefined) return documents(`a document may be made from several rows (${node.type})`);
  const isSelfJoined = nodes.filter(({ table }) => table === root.name).length > 1;
  if (isSelfJoined && root.kind !== "p" && !followed.some(({ table }) => table?.oid === root.oid)) {
    return documents(`the SQL reads ${root.name} more than once`);
  }
  return {
    method: "rows",
    root,
    rootId: idOrigin.column,
    follow: followed.flatMap(({ setting: { column, on }, table }) =>
      table === undefined
        ? []
        : [
            {
              table,
              column,
              on: on === undefined ? undefined : { rootColumn: on, rootId: idOrigin.column },
            },
          ],
    ),
  };
}

/** One line for people. */
export function describeCatchUp(catchUp: CatchUp): string {
  if (catchUp.method === "documents") return `changes are found by a hash of each document: ${catchUp.why}`;
  const tables = [catchUp.root.name, ...catchUp.follow.map(({ table }) => table.name)];
  return `changes are found by the row versions of ${tables.join(", ")}`;
}

function hasRowVersions({ kind, isHeap }: ReadRelation): boolean {
  return KINDS_WITH_ROWS.includes(kind) && (kind === "p" || isHeap);
}

/** By `schema.name`, or by the name alone where it is the only one. */
function findTable(relations: readonly ReadRelation[], wanted: string): ReadRelation | undefined {
  const found = relations.filter(({ schema, name }) => name === wanted || `${schema}.${name}` === wanted);
  return found.length === 1 ? found[0] : undefined;
}
