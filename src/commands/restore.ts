import { reach } from "../config/database.ts";
import { requireDatabase, requireStorage } from "../config/select.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { FROM_OPTION, namedBackup, NAMES_A_BACKUP } from "./named-backup.ts";
import { restoreAndTell, withRestoreOptions, type RestoreOptions } from "./restore-options.ts";

export interface RestoreCommandOptions extends RestoreOptions {
  id: string;
  from?: string | undefined;
  to: string;
}

export const command: Command<RestoreCommandOptions> = {
  options: (yargs) =>
    withRestoreOptions(
      yargs
        .positional("id", {
          type: "string",
          demandOption: true,
          describe: NAMES_A_BACKUP,
        })
        .option("to", {
          type: "string",
          demandOption: true,
          requiresArg: true,
          describe: "the database to restore into",
        })
        .option("from", FROM_OPTION),
    ),
  run: runRestoreCommand,
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
    ["dataops restore 20261121T040000Z-k3v9qa --to local", "that backup into the local database"],
    ["dataops restore latest --to local", "the newest good backup"],
    [
      "dataops restore 20261121T04 --to rescued",
      "into a database of the configuration that does not exist yet",
    ],
  ],
};

/** Restores one backup into a database of the configuration. */
export async function runRestoreCommand(
  options: RestoreCommandOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const config = await context.config();
  const target = await reach(requireDatabase(config, options.to), context.signal);
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    const { manifest } = await namedBackup(storage, options, context);
    return await restoreAndTell(options, context, { config, storage, manifest, target });
  } finally {
    await storage.close();
  }
}
