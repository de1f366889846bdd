import { homedir } from "node:os";
import { join } from "node:path";
import type { StorageConfig } from "./config.ts";
import type { Environment } from "./environment.ts";

/** `$XDG_CACHE_HOME/dataops`, else `~/.cache/dataops`. */
export function defaultCacheDirectory(environment: Environment): string {
  const base = environment["XDG_CACHE_HOME"];
  // The specification: a relative path there is to be ignored.
  if (base?.startsWith("/") === true) return join(base, "dataops");
  return join(environment["HOME"] ?? homedir(), ".cache", "dataops");
}

/** A storage of which only the URL is known. */
export function storageAt(url: string): StorageConfig {
  return {
    url,
    endpoint: undefined,
    region: undefined,
    forcePathStyle: undefined,
    partSize: undefined,
    maxParts: undefined,
    checksums: undefined,
    kmsKeyId: undefined,
  };
}

/** What a job's schedule may leave open. */
export const UNSET_SCHEDULE = { schedule: undefined, runMissed: undefined };

/** What a backup's configuration may leave open. */
export const UNSET_BACKUP = {
  ...UNSET_SCHEDULE,
  jobs: undefined,
  keep: undefined,
  maxAge: undefined,
  maxVerificationAge: undefined,
};
