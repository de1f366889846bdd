import { DataopsError } from "../../errors.ts";
import type { ManifestSource } from "../../repository/manifest.ts";

type Extension = ManifestSource["extensions"][number];

export interface ExtensionPlan {
  /** To be created before the archive is loaded. */
  create: Extension[];
  /** Not to be had here, and nothing in the database needs it: what to tell. */
  leftOut: string[];
}

/**
 * Decides what becomes of the source's extensions. Pure.
 *
 * @param available names of the extensions that the target's server could create
 * @param skip names that the configuration does without
 * @throws DataopsError `refused` where one is used and is not available
 */
export function planExtensions(
  extensions: readonly Extension[],
  available: ReadonlySet<string>,
  skip: readonly string[],
): ExtensionPlan {
  const skipped = new Set(skip);
  const missing = extensions.filter(({ name }) => !available.has(name) && !skipped.has(name));
  const needed = missing.filter(({ used }) => used).map(({ name }) => name);
  if (needed.length > 0) {
    throw new DataopsError(
      "refused",
      `the backup uses ${needed.length === 1 ? "an extension" : "extensions"} that this server does not have: ${needed.join(", ")}`,
      {
        hint: `install ${needed.length === 1 ? "it" : "them"} on the server, or list ${needed.length === 1 ? "it" : "them"} under skipExtensions in the restore settings`,
      },
    );
  }
  return {
    create: extensions.filter(({ name }) => available.has(name) && !skipped.has(name)),
    leftOut: [
      ...extensions
        .filter(({ name }) => skipped.has(name))
        .map(({ name }) => `EXTENSION ${name}: listed under skipExtensions`),
      ...missing.map(({ name }) => `EXTENSION ${name}: this server does not have it, and nothing uses it`),
    ],
  };
}
