import { DataopsError, messageOf } from "../errors.ts";
import type { DatabaseConfig } from "./config.ts";
import type { ConnectionSettings } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { interpolate, InterpolationError } from "./interpolate.ts";
import { describeConnection, parseConnection } from "./parse-connection.ts";
import { readVariable } from "./variables.ts";

/** A database whose URL is looked at when it is first needed. */
export function lazyDatabase(
  name: string,
  environment: string,
  resolveConnection: () => ConnectionSettings,
): DatabaseConfig {
  let connection: ConnectionSettings | undefined;
  return {
    name,
    environment,
    get connection() {
      connection ??= resolveConnection();
      return connection;
    },
  };
}

/** A database's URL as the configuration has it, variables put in, parsed. */
export function connectionOf(url: string, origin: string, environment: Environment): ConnectionSettings {
  try {
    const { value } = interpolate(url, (name) => readVariable(environment, name));
    return parseConnection(value, origin, environment);
  } catch (error) {
    if (!(error instanceof InterpolationError)) throw error;
    throw new DataopsError("usage", `${origin}: ${error.message}`, {
      hint:
        error.variable === undefined
          ? "write $${ for a literal ${"
          : `set ${error.variable}, or ${error.variable}_FILE to a file that holds it`,
      cause: error,
    });
  }
}

/** As `config show` prints it: without the password, or why there is none. */
export function showConnection(database: DatabaseConfig): string {
  try {
    return describeConnection(database.connection);
  } catch (error) {
    return `(${messageOf(error)})`;
  }
}

/** The variables that a text names, for its origin: `, from ${DATABASE_URL}`. */
export function variablesIn(text: string): string {
  const names = [...text.matchAll(/(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name]) => `\${${name}}`);
  return names.length === 0 ? "" : `, from ${names.join(", ")}`;
}
