import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { DataopsError } from "../errors.ts";
import type { ConnectionParameter } from "./connection-parameters.ts";

/** What a connection is made of where nothing says otherwise. Seconds for the timeout. */
export const DEFAULT_PORT = 5432;
export const DEFAULT_CONNECT_TIMEOUT = 10;
export const DEFAULT_TLS_MODE = "prefer";

/** libpq's variables for its parameters. */
export const LIBPQ_VARIABLES = {
  host: "PGHOST",
  port: "PGPORT",
  user: "PGUSER",
  password: "PGPASSWORD",
  dbname: "PGDATABASE",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  connect_timeout: "PGCONNECT_TIMEOUT",
  service: "PGSERVICE",
  servicefile: "PGSERVICEFILE",
} as const satisfies Record<ConnectionParameter, string>;

/** Debian's and Red Hat's folder of PostgreSQL's sockets, which their libpq has built in; else PostgreSQL's own. */
const SOCKET_DIRECTORIES = ["/var/run/postgresql", "/tmp"] as const;

/** The folder of the local server's socket. */
export function defaultSocketDirectory(): string {
  return SOCKET_DIRECTORIES.find((directory) => existsSync(directory)) ?? "/tmp";
}

/**
 * The name of whoever runs this process.
 *
 * @throws DataopsError `usage` where the system has no name for them, as in some containers
 */
export function defaultUser(origin: string): string {
  try {
    return userInfo().username;
  } catch (error) {
    throw new DataopsError("usage", `${origin}: no user is named, and the system has no name for this one`, {
      hint: "name the database's user, in the URL or in PGUSER",
      cause: error,
    });
  }
}
