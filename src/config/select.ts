import { DataopsError } from "../errors.ts";
import type {
  BackupConfig,
  Config,
  DatabaseConfig,
  IndexConfig,
  RestoreConfig,
  SearchConfig,
  SeedConfig,
  StorageConfig,
  VerifyConfig,
} from "./config.ts";
import { UNSET_BACKUP } from "./defaults.ts";
import { NO_SECRETS } from "./late-value.ts";
import { nearest } from "./nearest.ts";
import { readRestore } from "./read-restore.ts";
import { DEFAULT_BACKUP, DEFAULT_RESTORE } from "./schema.ts";

/** What a command needs of the configuration, or a line that says what is missing. */

/** @throws DataopsError `usage` where no storage is configured */
export function requireStorage({ storage, file }: Config): StorageConfig {
  if (storage !== undefined) return storage;
  throw new DataopsError("usage", `no storage is configured${file === undefined ? "" : ` in ${file}`}`, {
    hint: "set DATAOPS_STORAGE=s3://bucket/prefix, or make a configuration with `dataops init`",
  });
}

/** @throws DataopsError `usage` where there is no database of that name */
export function requireDatabase({ databases }: Config, name: string): DatabaseConfig {
  const database = Object.hasOwn(databases, name) ? databases[name] : undefined;
  if (database !== undefined) return database;
  const names = Object.keys(databases);
  const meant = nearest(name, names);
  const known =
    names.length === 0 ? "none is configured: see `dataops init`" : `configured: ${names.join(", ")}`;
  throw new DataopsError("usage", `there is no database ${JSON.stringify(name)} in the configuration`, {
    hint: meant === undefined ? known : `did you mean ${meant}?`,
  });
}

/**
 * The one database whose environment is production.
 *
 * @throws DataopsError `usage` where there is none, or more than one
 */
export function theProductionDatabase(config: Config): DatabaseConfig {
  const found = Object.values(config.databases).filter(({ environment }) => environment === "production");
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) {
    throw new DataopsError("usage", "no database of the environment production is configured", {
      hint: "set DATABASE_URL, or make a configuration with `dataops init`",
    });
  }
  throw new DataopsError("usage", `several databases are production: ${namesOf(found)}`, {
    hint: "name the one you mean",
  });
}

/**
 * The database that production is fetched into: the one named `local`, else the only one for development.
 *
 * @throws DataopsError `usage` where there is none, or more than one
 */
export function theLocalDatabase(config: Config): DatabaseConfig {
  const { local } = config.databases;
  if (local !== undefined) return local;
  const found = Object.values(config.databases).filter(({ environment }) => environment === "development");
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only === undefined) {
    throw new DataopsError("usage", "no local database is configured", {
      hint: "set LOCAL_DATABASE_URL, or name one with --to",
    });
  }
  throw new DataopsError("usage", `several databases are for development: ${namesOf(found)}`, {
    hint: "name the one you mean with --to",
  });
}

/** @throws DataopsError `usage` where there is no index of that name */
export function requireIndex({ indexes }: Config, name: string): IndexConfig {
  const index = Object.hasOwn(indexes, name) ? indexes[name] : undefined;
  if (index !== undefined) return index;
  const names = Object.keys(indexes);
  const meant = nearest(name, names);
  const known = names.length === 0 ? "none is configured under indexes" : `configured: ${names.join(", ")}`;
  throw new DataopsError("usage", `there is no index ${JSON.stringify(name)} in the configuration`, {
    hint: meant === undefined ? known : `did you mean ${meant}?`,
  });
}

/** How a database is backed up: as configured, else by the defaults. */
export function backupSettings(config: Config, name: string): BackupConfig {
  return config.backup[name] ?? { ...UNSET_BACKUP, ...DEFAULT_BACKUP };
}

/** How backups are restored into a database: as configured, else by the defaults. */
export function restoreSettings(config: Config, name: string): RestoreConfig {
  return config.restore[name] ?? readRestore(name, DEFAULT_RESTORE, { environment: {}, secrets: NO_SECRETS });
}

/**
 * How backups of a database are verified by restoring them.
 *
 * @throws DataopsError `usage` where it is not configured
 */
export function requireVerifySettings(config: Config, name: string): VerifyConfig & { server: string } {
  const settings = Object.hasOwn(config.verify, name) ? config.verify[name] : undefined;
  if (settings?.server !== undefined) return { ...settings, server: settings.server };
  throw new DataopsError(
    "usage",
    `it is not configured where backups of ${name} are restored to verify them`,
    {
      hint: `name a database whose server may be used for it: verify: { ${name}: { server: staging } }`,
    },
  );
}

/**
 * How a database is reset to its seeds.
 *
 * @throws DataopsError `usage` where the configuration does not say
 */
export function requireSeed(config: Config, name: string): SeedConfig {
  const seed = Object.hasOwn(config.seed, name) ? config.seed[name] : undefined;
  if (seed !== undefined) return seed;
  throw new DataopsError("usage", `the configuration does not say what ${name} is seeded with`, {
    hint: `add \`seed: { ${name}: { schema: …, seeds: […] } }\``,
  });
}

function namesOf(databases: readonly DatabaseConfig[]): string {
  return databases.map(({ name }) => name).join(", ");
}

/** @throws DataopsError `usage` where there is no search engine of that name */
export function requireSearch({ search }: Config, name: string): SearchConfig {
  const engine = Object.hasOwn(search, name) ? search[name] : undefined;
  if (engine !== undefined) return engine;
  throw new DataopsError("usage", `there is no search engine ${JSON.stringify(name)} in the configuration`, {
    hint: "describe it under search",
  });
}
