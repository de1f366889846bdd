import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { DataopsError, messageOf } from "../errors.ts";
import { readChannels } from "./channel.ts";
import { checkIndexes } from "./check-indexes.ts";
import type { Config, DatabaseConfig, SearchConfig, ValueOrigin } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { lateConnection, showConnection } from "./database.ts";
import { defaultCacheDirectory, storageAt, UNSET_BACKUP, UNSET_SCHEDULE } from "./defaults.ts";
import { parseConfigDocument } from "./document.ts";
import type { Environment } from "./environment.ts";
import { simpleConfig } from "./from-environment.ts";
import { readHttp } from "./http.ts";
import { NO_SECRETS, sourcesOf } from "./late-value.ts";
import { pathText, problemsOf } from "./problem.ts";
import { readIndex } from "./read-index.ts";
import { readRestore } from "./read-restore.ts";
import { readSeed } from "./read-seed.ts";
import { configSchema, type CheckedConfig } from "./schema.ts";
import { lateSearch, showSearchValue } from "./search.ts";
import type { SecretSource } from "./secret-reference.ts";
import { ValueReader } from "./value-reader.ts";
import { readVariable } from "./variables.ts";

/** Looked for in the working directory. */
export const CONFIG_FILE = "dataops.config.yaml";

/** Bytes; a larger one is a mistake. */
const MAX_FILE_SIZE = 1024 * 1024;

export interface LoadOptions {
  /** `--config`. */
  file?: string | undefined;
  environment: Environment;
  workingDirectory: string;
  /** Where secrets are asked for that the configuration refers to; undefined: nowhere. */
  secrets?: SecretSource | undefined;
}

/**
 * Reads the configuration: the file that `--config` or `DATAOPS_CONFIG` names, else `dataops.config.yaml` here, else the
 * environment alone. `DATAOPS_…` variables win over the file.
 *
 * @throws ConfigError (`usage`) naming the place of each thing that is wrong
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const found = await findFile(options);
  return found === undefined ? simpleConfig(options) : readConfig(found.path, found.text, options);
}

async function findFile(options: LoadOptions): Promise<{ path: string; text: string } | undefined> {
  const { environment, workingDirectory } = options;
  const named = options.file ?? readVariable(environment, "DATAOPS_CONFIG");
  const path = resolve(workingDirectory, named ?? CONFIG_FILE);
  try {
    const text = await readFile(path, "utf8");
    if (text.length > MAX_FILE_SIZE) throw new Error(`it is larger than ${MAX_FILE_SIZE} bytes`);
    return { path, text };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing && named === undefined) return undefined;
    throw new DataopsError(
      "usage",
      `cannot read the configuration ${path}: ${isMissing ? "there is no such file" : messageOf(error)}`,
      {
        hint:
          named === undefined
            ? "check its mode"
            : "correct --config or DATAOPS_CONFIG, or make one with `dataops init`",
        cause: error,
      },
    );
  }
}

/** Turns a file's text into a configuration. */
function readConfig(path: string, text: string, options: LoadOptions): Config {
  const name = relative(options.workingDirectory, path) || path;
  const document = parseConfigDocument(text, name);
  const reader = new ValueReader(document, name, options.environment);
  const value = reader.read(document.value, []);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    throw new ConfigError(
      problemsOf(parsed.error).map(
        ({ path, message, key }) =>
          `${reader.placeOf(path, key)}: ${path.length === 0 ? "" : `${pathText(path)}: `}${message}`,
      ),
    );
  }
  const checked = overrideByEnvironment(parsed.data, reader.origins, options.environment);
  return finish(checked, { ...options, file: path, folder: dirname(path), reader });
}

/** `DATAOPS_STORAGE` and `DATAOPS_CACHE_DIRECTORY` win over the file. */
function overrideByEnvironment(
  checked: CheckedConfig,
  origins: ValueOrigin[],
  environment: Environment,
): CheckedConfig {
  const storageUrl = readVariable(environment, "DATAOPS_STORAGE");
  const directory = readVariable(environment, "DATAOPS_CACHE_DIRECTORY");
  const override = (path: string, shown: string, variable: string): void => {
    const index = origins.findIndex(
      (one) => one.path === path || (path === "storage.url" && one.path === "storage"),
    );
    if (index !== -1) origins.splice(index, 1);
    origins.push({ path, shown, origin: `environment variable ${variable}` });
  };
  if (storageUrl !== undefined) override("storage.url", storageUrl, "DATAOPS_STORAGE");
  if (directory !== undefined) override("cache.directory", directory, "DATAOPS_CACHE_DIRECTORY");
  return {
    ...checked,
    storage: storageUrl === undefined ? checked.storage : { ...checked.storage, url: storageUrl },
    cache: directory === undefined ? checked.cache : { ...checked.cache, directory },
  };
}

interface FinishOptions extends LoadOptions {
  file: string;
  folder: string;
  reader: ValueReader;
}

function finish(checked: CheckedConfig, options: FinishOptions): Config {
  const { environment, folder, reader, secrets = NO_SECRETS } = options;
  const fileName = relative(options.workingDirectory, options.file) || options.file;
  const databases: Record<string, DatabaseConfig> = {};
  for (const [name, { environment: purpose, ...given }] of Object.entries(checked.databases)) {
    const path = `databases.${name}.url`;
    const late = { origin: `${path} in ${fileName}`, environment, secrets };
    const connection = lateConnection(given, late);
    databases[name] = { name, environment: purpose, connection };
    for (const key of ["url", "password"] as const) {
      const text = given[key];
      if (text === undefined) continue;
      const shown = key === "url" ? showConnection(connection) : "[redacted]";
      const origin = reader.placeOf(["databases", name, key]) + sourcesOf([text], late);
      reader.origins.push({ path: `databases.${name}.${key}`, shown, origin });
    }
  }
  for (const section of ["backup", "restore", "verify", "prune", "seed"] as const) {
    const unknown = Object.keys(checked[section]).find((name) => databases[name] === undefined);
    if (unknown === undefined) continue;
    throw new ConfigError([
      `${reader.placeOf([section, unknown])}: ${section}.${unknown}: there is no database ${unknown} under databases`,
    ]);
  }
  for (const [name, { server }] of Object.entries(checked.verify)) {
    if (server === undefined || databases[server] !== undefined) continue;
    throw new ConfigError([
      `${reader.placeOf(["verify", name, "server"])}: verify.${name}.server: there is no database ${server} under databases`,
    ]);
  }
  const notify = readChannels(checked.notify, reader.origins, {
    environment,
    secrets,
    fileName,
    placeOf: (path) => reader.placeOf(path),
    environments: Object.fromEntries(Object.values(databases).map((one) => [one.name, one.environment])),
  });
  const http = readHttp(checked.http, reader.origins, {
    environment,
    secrets,
    where: ` in ${fileName}`,
    placeOf: (path) => reader.placeOf(path),
  });
  checkIndexes(checked, (path) => reader.placeOf(path));
  const search: Record<string, SearchConfig> = {};
  for (const [name, given] of Object.entries(checked.search)) {
    const place = { origin: `search.${name} in ${fileName}`, folder, environment, secrets };
    const engine = { name, connection: lateSearch(given, place) };
    search[name] = engine;
    for (const key of ["url", "username", "password"] as const) {
      if (given[key] === undefined) continue;
      const path = ["search", name, key];
      const origin = reader.placeOf(path) + sourcesOf([given[key]], place);
      reader.origins.push({ path: pathText(path), shown: showSearchValue(engine, key), origin });
    }
  }
  const { storage } = checked;
  return {
    file: options.file,
    folder,
    storage: storage === undefined ? undefined : { ...storageAt(storage.url), ...storage },
    databases,
    backup: withUnset(checked.backup, UNSET_BACKUP),
    restore: Object.fromEntries(
      Object.entries(checked.restore).map(([name, restore]) => [
        name,
        readRestore(name, restore, { environment, secrets }),
      ]),
    ),
    verify: withUnset(checked.verify, { ...UNSET_SCHEDULE, server: undefined }),
    prune: withUnset(checked.prune, UNSET_SCHEDULE),
    seed: Object.fromEntries(
      Object.entries(checked.seed).map(([name, seed]) => [
        name,
        readSeed(name, seed, { environment, secrets }),
      ]),
    ),
    indexes: Object.fromEntries(
      Object.entries(checked.indexes).map(([name, index]) => [
        name,
        readIndex(name, index, { environment, secrets }),
      ]),
    ),
    search,
    cache: {
      directory: resolve(folder, checked.cache.directory ?? defaultCacheDirectory(environment)),
      maxBytes: checked.cache.maxSize,
    },
    notify,
    http,
    origins: reader.origins,
  };
}

/** What was left open is there, too, as undefined. */
function withUnset<T extends object, U extends object>(
  sections: Readonly<Record<string, T>>,
  unset: U,
): Record<string, U & T> {
  return Object.fromEntries(
    Object.entries(sections).map(([name, section]) => [name, { ...unset, ...section }]),
  );
}
