import type { PostgresClient } from "./client.ts";
import { quoteLiteral } from "./quote.ts";

/** A read-only view of the database that stands still; pg_dump and other connections can join it. */
export interface Snapshot extends AsyncDisposable {
  /** What `pg_dump --snapshot` and `SET TRANSACTION SNAPSHOT` take. Valid until the snapshot is disposed. */
  readonly id: string;
  /** The connection that holds the snapshot; what it reads is in the snapshot. */
  readonly client: PostgresClient;
}

/**
 * Settings of a session that reads rows for a backup: the text of a value must not depend on the database's defaults,
 * and no timeout may end the snapshot. Those that this server does not know are passed over.
 */
const READING_SETTINGS = {
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "3",
  TimeZone: "UTC",
  bytea_output: "hex",
  row_security: "off",
  search_path: "",
  synchronize_seqscans: "off",
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  transaction_timeout: "0",
} as const satisfies Record<string, string>;

export interface SnapshotOptions {
  /** Leaves the role's `search_path` as it is, for statements of a team's own. */
  keepsSearchPath?: boolean;
  /** Milliseconds that a statement may wait for a lock; without an end where it is not given, for whoever watches by other means. */
  lockTimeout?: number;
}

/**
 * Begins a repeatable-read, read-only transaction on `client` and exports its snapshot.
 *
 * The connection belongs to the snapshot until it is disposed, which ends the transaction.
 *
 * @throws DataopsError as `PostgresClient.query` does
 */
export async function openSnapshot(client: PostgresClient, options: SnapshotOptions = {}): Promise<Snapshot> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    await applyReadingSettings(client, options);
    const [row] = await client.query<{ id: string }>("SELECT pg_catalog.pg_export_snapshot() AS id");
    if (row === undefined) throw new Error("pg_export_snapshot returned no row");
    return { id: row.id, client, [Symbol.asyncDispose]: () => endTransaction(client) };
  } catch (error) {
    await endTransaction(client);
    throw error;
  }
}

/**
 * Begins a transaction on `client` that sees what the exported snapshot sees, for a connection that reads beside it.
 *
 * @throws DataopsError as `PostgresClient.query` does; `failed` where the snapshot's own transaction has ended
 */
export async function joinSnapshot(
  client: PostgresClient,
  id: string,
  options: SnapshotOptions = {},
): Promise<void> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(id)}`);
  await applyReadingSettings(client, options);
  // Ranges of pages are read as ranges, and in the order of the pages, whatever the database's defaults are.
  await client.query(
    "SET LOCAL enable_tidscan = on; SET LOCAL enable_seqscan = on; SET LOCAL max_parallel_workers_per_gather = 0",
  );
}

/** Sets what makes a transaction's reading independent of the database's defaults, for this transaction only. */
export async function applyReadingSettings(
  client: PostgresClient,
  { keepsSearchPath = false, lockTimeout = 0 }: SnapshotOptions = {},
): Promise<void> {
  const { search_path: searchPath, ...fixed } = READING_SETTINGS;
  const others = { ...fixed, lock_timeout: String(lockTimeout) };
  const settings = keepsSearchPath ? others : { search_path: searchPath, ...others };
  await client.query(
    `SELECT pg_catalog.set_config(setting.name, wanted.value, true)
       FROM pg_catalog.jsonb_each_text($1::jsonb) AS wanted(name, value)
       JOIN pg_catalog.pg_settings AS setting ON setting.name = wanted.name`,
    [JSON.stringify(settings)],
  );
}

/** Ends it where it can; a connection that is gone has ended it already. */
async function endTransaction(client: PostgresClient): Promise<void> {
  if (client.closed) return;
  await client.query("ROLLBACK").catch(() => undefined);
}
