import { reach } from "../config/database.ts";
import { requireDatabase, requireStorage, theLocalDatabase } from "../config/select.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { theLatest } from "./named-backup.ts";
import { restoreAndTell, withRestoreOptions, type RestoreOptions } from "./restore-options.ts";

export interface FetchOptions extends RestoreOptions {
  from?: string | undefined;
  to?: string | undefined;
}

export const command: Command<FetchOptions> = {
  options: (yargs) =>
    withRestoreOptions(
      yargs
        .option("from", { type: "string", describe: "whose latest backup; production's by default" })
        .option("to", { type: "string", describe: "the database to replace; the local one by default" }),
    ),
  run: runFetch,
  exits: [
    "warnings",
    "noSuchBackup",
    "notPermitted",
    "refused",
    "corrupt",
    "unreachable",
    "tool",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops fetch-latest-db", "production's newest backup into the local database"],
    ["dataops fetch-latest-db --yes --force", "without questions, ending whoever is connected"],
  ],
};

/** Brings the newest backup into a database. */
export async function runFetch(options: FetchOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const chosen = options.to === undefined ? theLocalDatabase(config) : requireDatabase(config, options.to);
  const target = await reach(chosen, context.signal);
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    const { manifest } = await theLatest(storage, options.from, context);
    return await restoreAndTell(options, context, { config, storage, manifest, target });
  } finally {
    await storage.close();
  }
}
