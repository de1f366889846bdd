import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../../observe/reporter.ts";
import type { PostgresClient } from "../../postgres/client.ts";

/** Milliseconds between two looks. */
const INTERVAL = 1_000;

/**
 * Tells how far a load is by how large its database has become: pg_restore itself does not tell. Runs until it is disposed.
 *
 * Only for people to look at: what it cannot find out it does not tell.
 */
export function watchSize(
  maintenance: PostgresClient,
  database: string,
  progress: Progress,
): AsyncDisposable {
  const stop = new AbortController();
  const watching = watch(maintenance, database, progress, stop.signal).catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
      progress.end();
    },
  };
}

async function watch(
  client: PostgresClient,
  database: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  let told = 0;
  for (;;) {
    const [row] = await client.query<{ size: string }>(
      "SELECT pg_catalog.pg_database_size($1)::text AS size",
      [database],
    );
    const size = Number(row?.size ?? told);
    progress.add(Math.max(0, size - told));
    told = Math.max(told, size);
    await sleep(INTERVAL, undefined, { signal });
  }
}
