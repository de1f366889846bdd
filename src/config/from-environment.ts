import { resolve } from "node:path";
import type { Config, DatabaseConfig, ValueOrigin } from "./config.ts";
import type { ConnectionSettings } from "./connection.ts";
import { lateConnection, showConnection } from "./database.ts";
import { defaultCacheDirectory, storageAt } from "./defaults.ts";
import type { Environment } from "./environment.ts";
import { readHttp } from "./http.ts";
import { lateValue, NO_SECRETS, sourcesOf, type LateValue } from "./late-value.ts";
import { connectionFromLibpq, connectionFromParts } from "./parse-connection.ts";
import { configSchema } from "./schema.ts";
import type { SecretSource } from "./secret-reference.ts";
import { readVariable } from "./variables.ts";

/** The variables of a database by its parts, as many frameworks' container images have them. */
const PARTS = ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USERNAME", "DB_PASSWORD"] as const;

export interface SimpleOptions {
  environment: Environment;
  workingDirectory: string;
  /** Where secrets are asked for that a variable refers to; undefined: nowhere. */
  secrets?: SecretSource | undefined;
}

/**
 * The configuration where there is no file. Production is at `DATABASE_URL`, else where `DB_…` or libpq's `PG…` say; local
 * is at `LOCAL_DATABASE_URL`; the storage is `DATAOPS_STORAGE`.
 *
 * These are read only where there is no file: in an application's own shell `DATABASE_URL` is that application's, and must
 * not turn a configured production into something else.
 */
export function simpleConfig(options: SimpleOptions): Config {
  const { environment, workingDirectory, secrets = NO_SECRETS } = options;
  const origins: ValueOrigin[] = [];
  const databases: Record<string, DatabaseConfig> = {};
  const add = (name: string, purpose: string, source: ConnectionSource): void => {
    const { variable, connection } = source;
    databases[name] = { name, environment: purpose, connection };
    const references = sourcesOf([`\${${variable}}`], { origin: variable, environment });
    const origin = `environment variable ${variable}${references.replace(`, from \${${variable}}`, "")}`;
    origins.push({ path: `databases.${name}.url`, shown: showConnection(connection), origin });
  };

  const production = productionSource(options);
  if (production !== undefined) add("production", "production", production);
  const local = urlSource(options, "LOCAL_DATABASE_URL");
  if (local !== undefined) add("local", "development", local);

  const storage = readVariable(environment, "DATAOPS_STORAGE");
  if (storage !== undefined) {
    origins.push({ path: "storage.url", shown: storage, origin: "environment variable DATAOPS_STORAGE" });
  }
  const directory = readVariable(environment, "DATAOPS_CACHE_DIRECTORY");
  if (directory !== undefined) {
    const origin = "environment variable DATAOPS_CACHE_DIRECTORY";
    origins.push({ path: "cache.directory", shown: directory, origin });
  }
  const defaults = configSchema.parse({});
  return {
    file: undefined,
    folder: workingDirectory,
    storage: storage === undefined ? undefined : storageAt(storage),
    databases,
    backup: {},
    restore: {},
    verify: {},
    prune: {},
    seed: {},
    indexes: {},
    search: {},
    cache: {
      directory: resolve(workingDirectory, directory ?? defaultCacheDirectory(environment)),
      maxBytes: defaults.cache.maxSize,
    },
    notify: [],
    http: readHttp(defaults.http, origins, { environment, secrets, where: "", placeOf: () => "" }),
    origins,
  };
}

interface ConnectionSource {
  /** The variable to name in messages. */
  variable: string;
  connection: LateValue<ConnectionSettings>;
}

function productionSource(options: SimpleOptions): ConnectionSource | undefined {
  return urlSource(options, "DATABASE_URL") ?? partsSource(options) ?? libpqSource(options);
}

function urlSource(
  { environment, secrets = NO_SECRETS }: SimpleOptions,
  variable: string,
): ConnectionSource | undefined {
  if (readVariable(environment, variable) === undefined) return undefined;
  const options = { origin: variable, environment, secrets };
  return { variable, connection: lateConnection({ url: `\${${variable}}` }, options) };
}

function partsSource({ environment, secrets = NO_SECRETS }: SimpleOptions): ConnectionSource | undefined {
  const [host, port, name, user, password] = PARTS.map((part) => readVariable(environment, part));
  if (host === undefined && name === undefined) return undefined;
  const origin = "DB_HOST and the like";
  const texts = password === undefined ? [] : ["${DB_PASSWORD}"];
  const connection = lateValue(texts, { origin, environment, secrets }, (dereference) => {
    const known = password === undefined ? undefined : dereference(password);
    return connectionFromParts({ host, port, name, user, password: known }, origin, environment);
  });
  return { variable: "DB_HOST", connection };
}

function libpqSource({ environment, secrets = NO_SECRETS }: SimpleOptions): ConnectionSource | undefined {
  const variable = ["PGSERVICE", "PGHOST", "PGDATABASE"].find((name) => (environment[name] ?? "") !== "");
  if (variable === undefined) return undefined;
  const connection = lateValue([], { origin: variable, environment, secrets }, () => {
    const settings = connectionFromLibpq(environment);
    if (settings === undefined) throw new Error(`${variable} was set a moment ago`);
    return settings;
  });
  return { variable, connection };
}
