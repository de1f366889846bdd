import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { sqlStateOf } from "../../postgres/postgres-error.ts";
import { quoteQualified } from "../../postgres/quote.ts";
import { together } from "../../parallel.ts";
import type { Scratch } from "../../replace/scratch/scratch.ts";

/** Tables that are filled without being written to the write-ahead log, and are ordinary ones before and after. */

/** `feature_not_supported` */
const CANNOT_REWRITE = "0A000";

interface Relation extends Record<string, unknown> {
  schema: string;
  name: string;
  kind: "table" | "sequence";
  /** `pg_class.relpersistence`: `p` or `u`. */
  persistence: string;
}

export interface UnloggedRequest {
  scratch: Pick<Scratch, "connectAsLoader">;
  /** Connections. */
  jobs: number;
  signal: AbortSignal;
}

/** Tables and sequences of the loader, but for what belongs to an extension; the largest first, for the workers to share. */
const RELATIONS = `
SELECT namespace.nspname AS schema, class.relname AS name, class.relpersistence::text AS persistence,
       CASE class.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'S')
   AND class.relpersistence <> 't'
   AND pg_catalog.pg_get_userbyid(class.relowner) = current_user
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS dependency
                    WHERE dependency.classid = 'pg_catalog.pg_class'::regclass
                      AND dependency.objid = class.oid AND dependency.deptype = 'e')
 ORDER BY pg_catalog.pg_table_size(class.oid) DESC`;

/**
 * Makes the loader's tables unlogged. They are to be there and empty, and nothing may refer to them yet: a table may not
 * refer to one that is less durable than itself.
 *
 * @returns what makes all of them, and their sequences, what they were
 */
export async function setUnlogged(request: UnloggedRequest): Promise<() => Promise<void>> {
  await using client = await request.scratch.connectAsLoader();
  const before = await client.query<Relation>(RELATIONS);
  for (const relation of before) {
    if (relation.kind === "table" && relation.persistence === "p") await trySetUnlogged(client, relation);
  }
  return () => setBack(request, before);
}

/** A table whose row type is another's column type cannot be rewritten on newer servers, and stays as it is. */
async function trySetUnlogged(client: PostgresClient, relation: Relation): Promise<void> {
  try {
    await client.query(alter(relation, "UNLOGGED"));
  } catch (error) {
    if (sqlStateOf(error) !== CANNOT_REWRITE) throw error;
  }
}

/** @throws DataopsError `failed` where one of them cannot be made what it was */
async function setBack(
  { scratch, jobs, signal }: UnloggedRequest,
  before: readonly Relation[],
): Promise<void> {
  const wanted = new Map(before.map((relation) => [keyOf(relation), relation.persistence]));
  await using first = await scratch.connectAsLoader();
  // Tables before sequences: since PostgreSQL 15 a table takes those that it owns along.
  for (const kind of ["table", "sequence"] as const) {
    const changed = (await changedIn(first, wanted)).filter((relation) => relation.kind === kind);
    const rest = changed.values();
    await together(Math.min(jobs, changed.length), signal, async (either) => {
      await using client = await scratch.connectAsLoader();
      await client.query("SET statement_timeout = 0");
      for (const relation of rest) {
        either.throwIfAborted();
        await client.query(alter(relation, wanted.get(keyOf(relation)) === "u" ? "UNLOGGED" : "LOGGED"));
      }
    });
  }
  const [left] = await changedIn(first, wanted);
  if (left === undefined) return;
  throw new DataopsError(
    "failed",
    `${left.kind} ${left.schema}.${left.name} could not be made durable again`,
    {
      hint: "restore without --fast",
    },
  );
}

async function changedIn(client: PostgresClient, wanted: ReadonlyMap<string, string>): Promise<Relation[]> {
  const present = await client.query<Relation>(RELATIONS);
  return present.filter((relation) => {
    const persistence = wanted.get(keyOf(relation));
    return persistence !== undefined && persistence !== relation.persistence;
  });
}

function alter({ schema, name, kind }: Relation, persistence: "LOGGED" | "UNLOGGED"): string {
  return `ALTER ${kind.toUpperCase()} ${quoteQualified(schema, name)} SET ${persistence}`;
}

function keyOf({ schema, name }: Relation): string {
  return JSON.stringify([schema, name]);
}
