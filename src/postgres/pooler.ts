import { connect, type PostgresClient } from "./client.ts";

/** Rounds of the test below: other users of a pooler may take the connection that we wait to see twice. */
const ROUNDS = 5;

/**
 * Whether `client` reaches the server through a pooler that hands one server connection to several clients, so that
 * snapshots, settings and locks of a session are not its own. Not to be called inside a transaction.
 *
 * It never takes a direct connection, or a pooler in session mode, for such a pooler. A direct connection costs one query:
 * there the process id that the server tells at login is the backend's. Behind anything else a second connection is
 * opened, and the two are seen to use the same backend, which nothing but such a pooler lets happen.
 */
export async function detectPooler(
  client: PostgresClient,
  options: { applicationName: string; signal?: AbortSignal | undefined },
): Promise<boolean> {
  if ((await backendOf(client)) === client.processId) return false;
  await using second = await connect(client.settings, options);
  for (let round = 0; round < ROUNDS; round++) {
    const first = await backendOf(client);
    if (first === (await backendOf(second))) return true;
  }
  return false;
}

async function backendOf(client: PostgresClient): Promise<number> {
  const [row] = await client.query<{ id: number }>("SELECT pg_catalog.pg_backend_pid() AS id");
  if (row === undefined) throw new Error("pg_backend_pid returned no row");
  return row.id;
}
