import { ConfigError } from "./config-error.ts";
import type { CheckedConfig } from "./schema.ts";

/**
 * Checks that the databases and search engines that indexes name are there.
 *
 * @param placeOf `dataops.config.yaml:3:10` of a path
 * @throws ConfigError
 */
export function checkIndexes(
  { indexes, databases, search }: CheckedConfig,
  placeOf: (path: readonly PropertyKey[]) => string,
): void {
  for (const [name, index] of Object.entries(indexes)) {
    const sections = { database: databases, search } as const;
    for (const key of ["database", "search"] as const) {
      const named = index[key];
      if (named === undefined || Object.hasOwn(sections[key], named)) continue;
      const what = key === "database" ? "database" : "search engine";
      const section = key === "database" ? "databases" : "search";
      throw new ConfigError([
        `${placeOf(["indexes", name, key])}: indexes.${name}.${key}: there is no ${what} ${named} under ${section}`,
      ]);
    }
  }
}
