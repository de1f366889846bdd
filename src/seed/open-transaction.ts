import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";

/**
 * One transaction around everything that a team's own files do, which may hold a COMMIT of their own.
 *
 * A deferred trigger makes any COMMIT fail but ours: it fires at the end of the transaction, and looks for a row that is
 * taken away just before. What a ROLLBACK leaves is noticed by the table's absence.
 */

const TABLE = "pg_temp.dataops_open_transaction";

/** Begins it. The connection's other transactions and sessions are not affected. */
export async function beginOpenTransaction(client: PostgresClient, lockTimeout: number): Promise<void> {
  await client.query(
    `BEGIN READ WRITE;
     SET LOCAL lock_timeout = ${Math.max(1, Math.round(lockTimeout))};
     SET LOCAL statement_timeout = 0;
     SET LOCAL idle_in_transaction_session_timeout = 0;
     CREATE TEMPORARY TABLE dataops_open_transaction (is_open boolean) ON COMMIT DROP;
     CREATE FUNCTION pg_temp.dataops_refuse_commit() RETURNS trigger LANGUAGE plpgsql AS $body$
     BEGIN
       IF EXISTS (SELECT FROM ${TABLE}) THEN
         RAISE EXCEPTION 'a seed may not end the transaction that all of them are in';
       END IF;
       RETURN NULL;
     END
     $body$;
     CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON ${TABLE}
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.dataops_refuse_commit();
     INSERT INTO ${TABLE} VALUES (true)`,
  );
}

/** @throws DataopsError `failed` where it is over */
export async function requireOpen(client: PostgresClient, name: string): Promise<void> {
  const [row] = await client.query<{ isOpen: boolean }>(
    `SELECT pg_catalog.to_regclass('${TABLE}') IS NOT NULL AS "isOpen"`,
  );
  if (row?.isOpen !== true) throw endsTransaction(name);
}

export async function commitOpenTransaction(client: PostgresClient): Promise<void> {
  await client.query(`DELETE FROM ${TABLE}`);
  await client.query("COMMIT");
}

export function endsTransaction(name: string): DataopsError {
  return new DataopsError("failed", `${name} ends the transaction that all seeds are in`, {
    hint: "take BEGIN, COMMIT and ROLLBACK out of it, or use `strategy: scratch`",
  });
}
