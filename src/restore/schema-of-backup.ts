import type { CacheConfig } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { PostgresClient } from "../postgres/client.ts";
import type { ConnectingRole } from "../replace/scratch/connecting-role.ts";
import type { Scratch } from "../replace/scratch/scratch.ts";
import type { Manifest } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { unpackedArchive } from "./archive/unpacked.ts";
import { fetchArchive } from "./cache/cache.ts";
import { loadArchive } from "./load/load.ts";
import { chooseLoadSettings } from "./load/settings.ts";
import { checkRestore } from "./preflight.ts";
import { digestRecipe, readRecipe } from "./template/recipe.ts";

/** A backup's schema, for who fills it with other rows. */

export interface SchemaDependencies {
  storage: Storage;
  cache: CacheConfig;
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
}

/** One backup's schema, that can be loaded into the server that it was prepared for. */
export interface LoadableSchema {
  /** Of the backup, and of all that decides what becomes of it there. */
  digest: string;
  /**
   * Loads tables, indexes, constraints, functions and the like, and no rows.
   *
   * @returns what was left out and why, each as one line
   * @throws DataopsError as `fetchArchive` and `loadArchive` do; after an abort: the signal's reason
   */
  load(scratch: Scratch): Promise<string[]>;
}

/**
 * Checks that a backup's schema can be loaded by this connection's role.
 *
 * @throws DataopsError as `checkRestore` does
 */
export async function prepareSchema(
  manifest: Manifest,
  maintenance: PostgresClient,
  who: ConnectingRole & { asSuperuser: boolean; applicationName: string },
  dependencies: SchemaDependencies,
): Promise<LoadableSchema> {
  const { storage, cache, reporter, signal, environment } = dependencies;
  const { asSuperuser, applicationName } = who;
  const skipExtensions: readonly string[] = [];
  const preflight = await checkRestore(maintenance, {
    manifest,
    skipExtensions,
    allowVulnerableClient: false,
    applicationName,
    environment,
    signal,
  });
  const loadSettings = await chooseLoadSettings(maintenance, { keepsCompression: false });
  const recipe = await readRecipe(maintenance, {
    ...preflight,
    manifest,
    who,
    asSuperuser,
    loadSettings,
    skipExtensions,
  });
  return {
    digest: digestRecipe(recipe),
    async load(scratch) {
      reporter.info(`schema of backup ${manifest.id} of ${manifest.database}`);
      const options = { signal, reporter };
      await using cached = await fetchArchive(storage, manifest, cache, options);
      await using archive = await unpackedArchive(cached.path, manifest, {
        directory: cache.directory,
        ...options,
      });
      const { leftOut } = await loadArchive({
        ...preflight,
        archive: archive.path,
        scratch,
        manifest,
        jobs: 1,
        sessionSettings: loadSettings,
        skipExtensions,
        withRows: false,
        signal,
        environment,
        applicationName,
      });
      return leftOut;
    },
  };
}
