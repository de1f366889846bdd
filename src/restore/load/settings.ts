import type { PostgresClient } from "../../postgres/client.ts";

/** Settings of the sessions that load. */
export type LoadSettings = Readonly<Record<string, string>>;

/**
 * Nothing of a load has to survive a crash by itself: the swap's commit waits for all that was written before it. Larger
 * sorts make indexes faster.
 */
const ALWAYS = { synchronous_commit: "off", maintenance_work_mem: "256MB" } as const satisfies LoadSettings;

/** `pglz`, the default, takes a third of a load's time where values are wide (ADR 8). PostgreSQL has it since 14, if built with it. */
const FAST_COMPRESSION = { default_toast_compression: "lz4" } as const satisfies LoadSettings;

/**
 * What makes a load fast on this server.
 *
 * @param keepsCompression whether wide values are to be compressed by the server's own default, as in production
 */
export async function chooseLoadSettings(
  client: PostgresClient,
  { keepsCompression }: { keepsCompression: boolean },
): Promise<LoadSettings> {
  if (keepsCompression || !(await knowsLz4(client))) return ALWAYS;
  return { ...ALWAYS, ...FAST_COMPRESSION };
}

async function knowsLz4(client: PostgresClient): Promise<boolean> {
  const [row] = await client.query<{ known: boolean }>(
    `SELECT 'lz4' = ANY (enumvals) AS known
       FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression'`,
  );
  return row?.known ?? false;
}
