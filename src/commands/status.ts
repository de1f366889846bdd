import { requireStorage } from "../config/select.ts";
import { listedDatabases } from "../status/listed.ts";
import { readStatus } from "../status/read-status.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { statusData } from "./status/data.ts";
import { renderStatus } from "./status/render.ts";

export interface StatusOptions {
  database?: string | undefined;
}

export const command: Command<StatusOptions> = {
  options: (yargs) =>
    yargs.positional("database", {
      type: "string",
      describe: "only this database; all of them by default",
    }),
  run: runStatus,
  exits: ["notPermitted", "unreachable"],
  examples: [
    ["dataops status", "how fresh backups are, how they came about, what runs next"],
    ["dataops status production --json", "all that is known of production's, for programs"],
  ],
};

/** Shows how the backups and the jobs of each database are. Reads only, and judges nothing by its exit code: that is `check`. */
export async function runStatus(
  { database }: StatusOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { reporter, signal, display } = context;
  const config = await context.config();
  const names = listedDatabases(config, database);
  const now = context.now();
  const storage = await openStorage(requireStorage(config), reporter);
  try {
    const statuses = await readStatus(storage, config, names, now, { signal });
    return {
      exit: "done",
      data: {
        storage: storage.url,
        at: new Date(now).toISOString(),
        databases: statuses.map(statusData),
      },
      text: renderStatus(statuses, now, display),
    };
  } finally {
    await storage.close();
  }
}
