import { requireStorage } from "../config/select.ts";
import { removeDecision, writeDecision } from "../repository/sidecar.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { FROM_OPTION, namedBackup, NAMES_A_BACKUP } from "./named-backup.ts";
import { requireNote } from "./note.ts";

export interface KeepOptions {
  id: string;
  from?: string | undefined;
  reason?: string | undefined;
  remove: boolean;
}

export const command: Command<KeepOptions> = {
  options: (yargs) =>
    yargs
      .positional("id", {
        type: "string",
        demandOption: true,
        describe: NAMES_A_BACKUP,
      })
      .option("from", FROM_OPTION)
      .option("reason", {
        type: "string",
        requiresArg: true,
        describe: "what it is kept for",
      })
      .option("remove", {
        type: "boolean",
        default: false,
        describe: "leave it to the rules of `keep` again",
      }),
  run: runKeep,
  exits: ["noSuchBackup", "notPermitted", "corrupt", "unreachable"],
  examples: [
    ['dataops keep latest --reason "before the migration"', "no rule deletes it"],
    ["dataops keep 20261121T04 --remove", "the rules decide again"],
  ],
};

/** Pins a backup, so that `prune` leaves it alone, or takes the pin away. Again, it changes nothing. */
export async function runKeep(options: KeepOptions, context: CommandContext): Promise<CommandResult> {
  const reason = requireNote(options.reason);
  const storage = await openStorage(requireStorage(await context.config()), context.reporter);
  const { signal } = context;
  try {
    const { manifest, sidecars } = await namedBackup(storage, options, context);
    const { id, database } = manifest;
    const data = { id, database, kept: !options.remove };
    const wasKept = sidecars.has("kept");
    if (options.remove) {
      if (wasKept) await removeDecision(storage, "kept", manifest, { signal });
      const text = wasKept ? `${id} of ${database} is left to the rules again` : `${id} was not kept`;
      return { exit: "done", data, text };
    }
    if (wasKept) return { exit: "done", data, text: `${id} of ${database} was kept already` };
    await writeDecision(storage, "kept", manifest, { at: context.now(), reason }, { signal });
    return { exit: "done", data, text: `${id} of ${database} is kept until \`dataops keep ${id} --remove\`` };
  } finally {
    await storage.close();
  }
}
