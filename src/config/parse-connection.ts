import { isIPv6 } from "node:net";
import { DataopsError } from "../errors.ts";
import type { ConnectionSettings } from "./connection.ts";
import {
  DEFAULT_CONNECT_TIMEOUT,
  DEFAULT_PORT,
  DEFAULT_TLS_MODE,
  LIBPQ_VARIABLES,
} from "./connection-defaults.ts";
import { checkParameters, type GivenParameters, type WrittenParameter } from "./connection-parameters.ts";
import { resolveConnection } from "./connection-resolution.ts";
import { isConnectionUrl, parseConnectionUrl } from "./connection-url.ts";
import type { Environment } from "./environment.ts";
import { parseKeywordString } from "./keyword-string.ts";

/** Some other program's URL, or one with a driver in it: `mysql://`, `postgresql+asyncpg://`, `jdbc:postgresql://`. */
const OTHER_URL = /^[a-z][a-z0-9+.:-]*:\/\//i;

/** A database by its parts, as `DB_HOST` and its like have them. */
export interface ConnectionParts {
  host: string | undefined;
  port: string | undefined;
  name: string | undefined;
  user: string | undefined;
  password: string | undefined;
}

/**
 * Parses a `postgres://` or `postgresql://` URL, or a libpq keyword string (`host=… dbname=…`), by libpq's rules; what it
 * leaves open is taken from libpq's variables in `environment`, then from libpq's defaults.
 *
 * @param origin where the text stood, for messages
 * @throws DataopsError `usage` for what cannot be read or is not supported, `refused` for several servers; neither it nor
 *   its cause holds the password or a part of it
 */
export function parseConnection(text: string, origin: string, environment: Environment): ConnectionSettings {
  return resolveConnection(parseText(text, origin), origin, environment);
}

/**
 * A connection from its parts, each as it is, not percent-encoded; what they leave open is taken from libpq's variables,
 * then from libpq's defaults.
 *
 * @throws DataopsError as `parseConnection`
 */
export function connectionFromParts(
  parts: ConnectionParts,
  origin: string,
  environment: Environment,
): ConnectionSettings {
  const { host = "", port = "", name = "", user = "", password = "" } = parts;
  return resolveConnection({ host, port, user, password, dbname: name }, origin, environment);
}

/**
 * The connection that libpq's variables alone describe; undefined where none of them names a place or a user.
 *
 * @throws DataopsError as `parseConnection`
 */
export function connectionFromLibpq(environment: Environment): ConnectionSettings | undefined {
  const { service, host, dbname, user } = LIBPQ_VARIABLES;
  const present = [service, host, dbname, user].filter((variable) => (environment[variable] ?? "") !== "");
  return present.length === 0 ? undefined : resolveConnection({}, present.join(", "), environment);
}

/** The settings as a URL that leads to the same place, without the password: for people to read. */
export function describeConnection(settings: ConnectionSettings): string {
  const { host, port, user, database, tls, connectTimeout } = settings;
  const isSocket = host.startsWith("/");
  const place = isIPv6(host) ? `[${host.replace("%", "%25")}]` : encodeURIComponent(host);
  const parameters: WrittenParameter[] = [
    ["host", isSocket ? host : ""],
    ["sslmode", tls.mode === DEFAULT_TLS_MODE ? "" : tls.mode],
    ["sslrootcert", tls.rootCertificate ?? ""],
    ["sslcert", tls.certificate ?? ""],
    ["sslkey", tls.key ?? ""],
    ["connect_timeout", connectTimeout === DEFAULT_CONNECT_TIMEOUT ? "" : String(connectTimeout)],
  ];
  const query = parameters
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/")}`)
    .join("&");
  const authority = `${encodeURIComponent(user)}@${isSocket ? "" : place}${port === DEFAULT_PORT ? "" : `:${port}`}`;
  return `postgresql://${authority}/${encodeURIComponent(database)}${query === "" ? "" : `?${query}`}`;
}

function parseText(text: string, origin: string): GivenParameters {
  if (isConnectionUrl(text)) return parseConnectionUrl(text, origin);
  // A keyword string may have `://` in a value, but not before the first `=`.
  if (OTHER_URL.test(text) || !text.includes("=")) {
    throw new DataopsError("usage", `${origin}: this is no PostgreSQL URL`, {
      hint: "write it as postgresql://user@host:5432/database, without a driver's name in front",
    });
  }
  return checkParameters(parseKeywordString(text, origin), origin);
}
