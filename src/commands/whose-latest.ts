import type { Config } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import { listDatabases } from "../repository/catalogue.ts";
import type { Storage } from "../storage/storage.ts";

/**
 * The database that `latest` means when none is named: the only one with backups, else the one that is production.
 *
 * @param option how to name one, for the hint
 * @throws DataopsError `usage` where that is not clear
 */
export async function whoseLatest(
  storage: Storage,
  config: Config,
  signal: AbortSignal,
  option = "--from",
): Promise<string> {
  const databases = await listDatabases(storage, { signal });
  const [only] = databases;
  if (only !== undefined && databases.length === 1) return only;
  const production = databases.filter((name) => config.databases[name]?.environment === "production");
  if (production[0] !== undefined && production.length === 1) return production[0];
  if (databases.length === 0 || databases.includes("production")) return "production";
  throw new DataopsError("usage", `${storage.url} holds backups of ${databases.join(", ")}`, {
    hint: `say whose: ${option} NAME`,
  });
}
