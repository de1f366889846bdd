import { reach } from "../config/database.ts";
import { requireDatabase, requireStorage, theLocalDatabase } from "../config/select.ts";
import { findLatest, type Latest } from "../repository/catalogue.ts";
import { humanName, humanPlural } from "../observe/human.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { restoreAndTell, withRestoreOptions, type RestoreOptions } from "./restore-options.ts";
import { whoseLatest } from "./whose-latest.ts";

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
  const { signal } = context;
  try {
    const source = options.from ?? (await whoseLatest(storage, config, signal));
    const latest = await findLatest(storage, source, { signal });
    warnOfPassedOver(latest, context);
    return await restoreAndTell(options, context, {
      config,
      storage,
      manifest: latest.backup.manifest,
      target,
    });
  } finally {
    await storage.close();
  }
}

/** Whoever fetches the latest backup wants to know that there is a newer one. */
function warnOfPassedOver({ backup, passedOver }: Latest, { reporter }: CommandContext): void {
  const [newest] = passedOver;
  if (newest === undefined) return;
  const [reason = "", ...others] = newest.manifest.suspect ?? [];
  const more = others.length === 0 ? "" : `; and ${humanPlural(others.length, "more reason")}`;
  const rest =
    passedOver.length === 1 ? "" : `, and ${humanPlural(passedOver.length - 1, "more suspect backup")}`;
  reporter.warn(
    `${newest.manifest.id} is newer and was passed over${rest}: it is suspect (${humanName(reason)}${more}). Fetching ${backup.manifest.id}`,
  );
}
