import type { PostgresClient } from "../../src/postgres/client.ts";
import type { TestDatabase } from "./postgres-test.ts";

/** So large a table before a barrier that two parts of an upload go up. */
export const BARRIER_MEGABYTES = 24;

/** Fills a table with bytes that cannot be compressed: what is stored is about as large. */
export async function createBulk(client: PostgresClient, megabytes: number, table = "a_bulk"): Promise<void> {
  await client.query(`CREATE TABLE ${table} (id int PRIMARY KEY, content bytea NOT NULL)`);
  await client.query(`ALTER TABLE ${table} ALTER COLUMN content SET STORAGE EXTERNAL`);
  // 16 digests of 64 bytes, hashed from their own place: the same in every run.
  await client.query(`
    INSERT INTO ${table}
    SELECT row, string_agg(sha512(convert_to(row || '/' || piece, 'UTF8')), '' ORDER BY piece)
      FROM generate_series(1, ${megabytes * 1000}) AS row, generate_series(1, 16) AS piece
     GROUP BY row`);
}

/** Holds a dump up in its middle. */
export interface Barrier {
  release(): Promise<void>;
}

/**
 * Lets a dump copy `a_bulk`, and stop at the large objects after it: their index is locked until `release`, and nothing
 * but reading them needs it.
 */
export async function createBarrier(database: TestDatabase, megabytes: number): Promise<Barrier> {
  const client = await database.connect();
  await createBulk(client, megabytes);
  await client.query("SELECT lo_from_bytea(0, 'behind the barrier')");
  await client.query("BEGIN");
  await client.query("REINDEX INDEX pg_largeobject_loid_pn_index");
  return {
    release: async () => {
      await client.query("COMMIT");
    },
  };
}

/** The sessions of dataops in a database, and what they run. */
export async function sessionsOf(
  database: TestDatabase,
  client: PostgresClient,
): Promise<{ pid: number; query: string }[]> {
  return client.query<{ pid: number; query: string }>(
    "SELECT pid, query FROM pg_stat_activity WHERE application_name LIKE 'dataops:%' AND datname = $1",
    [database.name],
  );
}

/** Those of them that wait for a lock. */
export async function waitingSessionsOf(
  database: TestDatabase,
  client: PostgresClient,
): Promise<{ pid: number }[]> {
  return client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity
      WHERE application_name LIKE 'dataops:%' AND datname = $1 AND wait_event_type = 'Lock'`,
    [database.name],
  );
}
