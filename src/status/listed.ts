import type { Config } from "../config/config.ts";
import { requireDatabase } from "../config/select.ts";
import { DataopsError } from "../errors.ts";
import { isBackedUp } from "./read-status.ts";

/**
 * The databases whose status is asked for: the named one, else all that are configured, those that are backed up first.
 *
 * @throws DataopsError `usage` where there is none of that name, or none at all that is backed up: nothing to look at is no
 *   good news
 */
export function listedDatabases(config: Config, name: string | undefined): string[] {
  if (name !== undefined) return [requireDatabase(config, name).name];
  const names = Object.keys(config.databases);
  const sources = names.filter((database) => isBackedUp(config, database));
  if (sources.length === 0) {
    throw new DataopsError("usage", "no database in the configuration is backed up", {
      hint: "a database is where its environment is production, or there is a section for it under `backup`",
    });
  }
  return [...sources, ...names.filter((database) => !sources.includes(database))];
}
