import { DataopsError, messageOf } from "../errors.ts";
import type { DatabaseConfig, ReachableDatabase } from "./config.ts";
import type { ConnectionSettings } from "./connection.ts";
import type { Environment } from "./environment.ts";
import {
  lateValue,
  resolveLateValue,
  type Dereference,
  type LateOptions,
  type LateValue,
} from "./late-value.ts";
import { describeConnection, parseConnection } from "./parse-connection.ts";
import { withRdsToken } from "./rds-iam.ts";
import { Secret } from "./secret.ts";

/** How a database is reached, as the configuration has it: variables and references are not yet put in. */
export interface GivenDatabase {
  url: string;
  /** Beside a URL without one. */
  password?: string | undefined;
  /** `rds-iam`: a token in place of a password, made anew for each connection. */
  auth?: "password" | "rds-iam" | undefined;
  /** For `rds-iam`, where the host's name does not tell it. */
  region?: string | undefined;
}

/** A database's settings, which are put together when they are first needed. */
export function lateConnection(given: GivenDatabase, options: LateOptions): LateValue<ConnectionSettings> {
  const texts = [given.url, ...(given.password === undefined ? [] : [given.password])];
  return lateValue(texts, options, (dereference) => connectionOf(given, options, dereference));
}

/**
 * A database with its settings, ready to be connected to.
 *
 * @throws DataopsError as `LateValue.resolve`
 */
export async function reach(database: DatabaseConfig, signal: AbortSignal): Promise<ReachableDatabase> {
  const { name, environment } = database;
  return { name, environment, connection: await database.connection.resolve(signal) };
}

function connectionOf(
  { url, password, auth, region }: GivenDatabase,
  { origin, environment }: LateOptions,
  dereference: Dereference,
): ConnectionSettings {
  const read = (text: string): string => dereference(resolveLateValue(text, origin, environment));
  const isToken = auth === "rds-iam";
  if (!isToken && region !== undefined) {
    throw wrong(origin, "region is for auth: rds-iam", "set auth to rds-iam, or leave region out");
  }
  // Whose shell has a password for another server in it shall not be told that there are two.
  const own = isToken || password !== undefined ? { ...environment, PGPASSWORD: undefined } : environment;
  const connection = parseUrl(read(url), origin, own);
  if (password !== undefined && (connection.password !== undefined || isToken)) {
    throw wrong(
      origin,
      isToken ? "a password beside auth: rds-iam" : "a password in the URL, and one beside it",
      "leave one of them out",
    );
  }
  if (isToken) return withRdsToken(connection, { region, environment });
  return password === undefined ? connection : { ...connection, password: new Secret(read(password)) };
}

function parseUrl(text: string, origin: string, environment: Environment): ConnectionSettings {
  if (!text.startsWith("{")) return parseConnection(text, origin, environment);
  throw wrong(
    origin,
    "the secret is a JSON object, and no URL",
    "name its key after #, or write the URL without a password, and beside it password: secretsmanager:NAME#password",
  );
}

function wrong(origin: string, message: string, hint: string): DataopsError {
  return new DataopsError("usage", `${origin}: ${message}`, { hint });
}

/** As `config show` prints it: without the password, or why there is none. */
export function showConnection(connection: LateValue<ConnectionSettings>): string {
  try {
    const settings = connection.peek();
    return settings === undefined ? "[redacted]" : describeConnection(settings);
  } catch (error) {
    return `(${messageOf(error)})`;
  }
}
