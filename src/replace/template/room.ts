import { statfs } from "node:fs/promises";
import type { PostgresClient } from "../../postgres/client.ts";

/** Bytes that a copy leaves free at least, for what the server writes meanwhile: this, or a tenth of the copy. */
const LEAST_RESERVE = 1024 ** 3;

export interface Room {
  /** Bytes of the database to be copied. */
  size: number;
  /** Bytes free where the server keeps it; undefined where this process cannot see that. */
  free: number | undefined;
}

/** Whether a copy fits. What cannot be known is tried: the server gives back what it could not finish. Pure. */
export function hasRoom({ size, free }: Room): boolean {
  return free === undefined || free - size >= Math.max(LEAST_RESERVE, size / 10);
}

/**
 * How large a database is, and what is free where it is.
 *
 * @param isLocal whether the server is certainly this machine's own: another's paths mean nothing here
 */
export async function readRoom(client: PostgresClient, database: string, isLocal: boolean): Promise<Room> {
  const [row] = await client.query<{ size: string; directory: string | null }>(
    `SELECT pg_catalog.pg_database_size(database.oid)::text AS size,
            coalesce(nullif(pg_catalog.pg_tablespace_location(database.dattablespace), ''),
                     (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')) AS directory
       FROM pg_catalog.pg_database AS database WHERE database.datname = $1`,
    [database],
  );
  if (row === undefined) throw new Error(`there is no database ${database}`);
  const directory = isLocal ? row.directory : null;
  return { size: Number(row.size), free: directory === null ? undefined : await freeBytes(directory) };
}

async function freeBytes(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
