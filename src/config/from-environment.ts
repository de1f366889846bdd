import { resolve } from "node:path";
import type { Config, DatabaseConfig, ValueOrigin } from "./config.ts";
import type { ConnectionSettings } from "./connection.ts";
import { lazyDatabase, showConnection } from "./database.ts";
import { defaultCacheDirectory, storageAt } from "./defaults.ts";
import type { Environment } from "./environment.ts";
import { readHttp } from "./http.ts";
import { connectionFromLibpq, connectionFromParts, parseConnection } from "./parse-connection.ts";
import { configSchema } from "./schema.ts";
import { readVariable } from "./variables.ts";

/** The variables of a database by its parts, as many frameworks' container images have them. */
const PARTS = ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USERNAME", "DB_PASSWORD"] as const;

/**
 * The configuration where there is no file. Production is at `DATABASE_URL`, else where `DB_…` or libpq's `PG…` say; local
 * is at `LOCAL_DATABASE_URL`; the storage is `DATAOPS_STORAGE`.
 *
 * These are read only where there is no file: in an application's own shell `DATABASE_URL` is that application's, and must
 * not turn a configured production into something else.
 */
export function simpleConfig(options: { environment: Environment; workingDirectory: string }): Config {
  const { environment, workingDirectory } = options;
  const origins: ValueOrigin[] = [];
  const databases: Record<string, DatabaseConfig> = {};
  const add = (name: string, purpose: string, source: ConnectionSource): void => {
    const database = lazyDatabase(name, purpose, () => source.connect());
    databases[name] = database;
    const origin = `environment variable ${source.variable}`;
    origins.push({ path: `databases.${name}.url`, shown: showConnection(database), origin });
  };

  const production = productionSource(environment);
  if (production !== undefined) add("production", "production", production);
  const local = urlSource(environment, "LOCAL_DATABASE_URL");
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
    http: readHttp(defaults.http, origins, { environment, where: "", placeOf: () => "" }),
    origins,
  };
}

interface ConnectionSource {
  /** The variable to name in messages. */
  variable: string;
  connect(): ConnectionSettings;
}

function productionSource(environment: Environment): ConnectionSource | undefined {
  return urlSource(environment, "DATABASE_URL") ?? partsSource(environment) ?? libpqSource(environment);
}

function urlSource(environment: Environment, variable: string): ConnectionSource | undefined {
  const url = readVariable(environment, variable);
  if (url === undefined) return undefined;
  return { variable, connect: () => parseConnection(url, variable, environment) };
}

function partsSource(environment: Environment): ConnectionSource | undefined {
  const [host, port, name, user, password] = PARTS.map((part) => readVariable(environment, part));
  if (host === undefined && name === undefined) return undefined;
  const variable = "DB_HOST";
  const parts = { host, port, name, user, password };
  return { variable, connect: () => connectionFromParts(parts, "DB_HOST and the like", environment) };
}

function libpqSource(environment: Environment): ConnectionSource | undefined {
  const variable = ["PGSERVICE", "PGHOST", "PGDATABASE"].find((name) => (environment[name] ?? "") !== "");
  if (variable === undefined) return undefined;
  return {
    variable,
    connect() {
      const connection = connectionFromLibpq(environment);
      if (connection === undefined) throw new Error(`${variable} was set a moment ago`);
      return connection;
    },
  };
}
