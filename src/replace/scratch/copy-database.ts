import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";

/** A database that a scratch database begins as a copy of. */
export interface ScratchTemplate {
  name: string;
  /** The run that made it, whose role owns what is in it. */
  run: string;
  /** The locale that stands in for the backup's; null where none does. */
  locale: string | null;
}

/** `server_version_num` of the first release that asks how to copy; before, it copies files. */
const FIRST_WITH_STRATEGIES = 150_000;

/**
 * Copies a database, file by file: WAL_LOG, the default, writes all of it to the write-ahead log, too, and takes twice as
 * long (ADR 9). Nobody can connect to the copy: by itself a new database is open to everybody.
 *
 * @throws DataopsError as `query` does; SQLSTATE `objectInUse` where somebody is connected to `from`
 */
export async function copyDatabase(
  client: PostgresClient,
  { from, name, owner }: { from: string; name: string; owner: string },
): Promise<void> {
  const [row] = await client.query<{ version: number }>(
    "SELECT pg_catalog.current_setting('server_version_num')::int AS version",
  );
  const strategy = (row?.version ?? 0) >= FIRST_WITH_STRATEGIES ? " STRATEGY FILE_COPY" : "";
  await client.query(
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(from)} ` +
      `OWNER ${quoteIdentifier(owner)} ALLOW_CONNECTIONS false${strategy}`,
  );
}
