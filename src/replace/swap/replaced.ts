import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { oldName, passingName } from "../scratch/names.ts";
import { readMark } from "./old-mark.ts";

/** A database as `pg_database` has it. */
export interface NamedDatabase {
  name: string;
  oid: number;
  comment: string | null;
}

const SELECT_DATABASES = `
SELECT datname AS name, oid, pg_catalog.shobj_description(oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database`;

const PASSING = "__was_";

/** The database of that name. */
export async function findDatabase(client: PostgresClient, name: string): Promise<NamedDatabase | undefined> {
  const [found] = await client.query<NamedDatabase & Record<string, unknown>>(
    `${SELECT_DATABASES} WHERE datname = $1`,
    [name],
  );
  return found;
}

/**
 * The replaced version of `target` that `undo` would put back; undefined where there is none.
 *
 * @throws DataopsError `refused` where a database has its name that is none
 */
export async function findReplaced(
  client: PostgresClient,
  target: string,
): Promise<NamedDatabase | undefined> {
  const found = await findDatabase(client, oldName(target));
  if (found === undefined || readMark(found.comment) === target) return found;
  throw new DataopsError("refused", `database ${found.name} is no replaced version of ${target}`, {
    hint: "dataops needs its name for one: rename it, or drop it if nobody needs it",
  });
}

/** Replaced versions of `target` that were set aside to be dropped, also by a run that was killed before it did. */
export async function findSetAside(client: PostgresClient, target: string): Promise<NamedDatabase[]> {
  const databases = await client.query<NamedDatabase & Record<string, unknown>>(SELECT_DATABASES);
  return databases.filter(({ name, comment }) => {
    const runId = name.slice(name.lastIndexOf(PASSING) + PASSING.length);
    return readMark(comment) === target && passingName(target, runId) === name;
  });
}
