import { ConfigError } from "./config-error.ts";
import type { CheckedConfig } from "./schema.ts";

/**
 * Checks that the databases and search engines that indexes name are there, and the indexes that jobs name which follow others.
 *
 * @param placeOf `dataops.config.yaml:3:10` of a path
 * @throws ConfigError
 */
export function checkIndexes(
  checked: CheckedConfig,
  placeOf: (path: readonly PropertyKey[]) => string,
): void {
  const { indexes, databases, search } = checked;
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
  for (const section of ["restore", "seed"] as const) {
    for (const [name, { then: jobs }] of Object.entries(checked[section])) {
      for (const [position, job] of jobs.entries()) {
        if (!("reindex" in job) || Object.hasOwn(indexes, job.reindex)) continue;
        throw new ConfigError([
          `${placeOf([section, name, "then", position])}: ${section}.${name}.then[${position}]: there is no index ${job.reindex} under indexes`,
        ]);
      }
    }
  }
}
