import { requireStorage } from "../config/select.ts";
import { humanName } from "../observe/human.ts";
import { findStoredBackup } from "../repository/catalogue.ts";
import { writeDecision } from "../repository/sidecar.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { requireNote } from "./note.ts";

export interface AcceptOptions {
  id: string;
  reason?: string | undefined;
}

export const command: Command<AcceptOptions> = {
  options: (yargs) =>
    yargs
      .positional("id", {
        type: "string",
        demandOption: true,
        describe: "a backup's id, or the beginning of one",
      })
      .option("reason", {
        type: "string",
        requiresArg: true,
        describe: "why it is as it should be, for whoever asks later",
      }),
  run: runAccept,
  exits: ["noSuchBackup", "notPermitted", "corrupt", "unreachable"],
  examples: [
    ["dataops accept 20261121T04", "the suspect backup of that hour is as it should be"],
    ['dataops accept 20261121T04 --reason "the old orders moved"', "the same, with what is known of it"],
  ],
};

/** Makes a suspect backup count: for the latest, and for retention. Again, it changes nothing. */
export async function runAccept(options: AcceptOptions, context: CommandContext): Promise<CommandResult> {
  const reason = requireNote(options.reason);
  const storage = await openStorage(requireStorage(await context.config()), context.reporter);
  const { signal } = context;
  try {
    const { manifest, sidecars } = await findStoredBackup(storage, options.id, { signal });
    const { id, database, suspect = [] } = manifest;
    const data = { id, database, suspect, accepted: suspect.length > 0 };
    if (suspect.length === 0) {
      return { exit: "done", data, text: `${id} is not suspect: there is nothing to accept` };
    }
    if (sidecars.has("accepted")) {
      return { exit: "done", data, text: `${id} of ${database} was accepted already` };
    }
    await writeDecision(storage, "accepted", manifest, { at: context.now(), reason }, { signal });
    const lines = [
      `${id} of ${database} is accepted, and counts from now on. It was suspect:`,
      ...suspect.map((line) => `- ${humanName(line)}`),
    ];
    return { exit: "done", data, text: lines.join("\n") };
  } finally {
    await storage.close();
  }
}
