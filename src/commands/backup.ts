import { storedSize } from "../repository/manifest.ts";
import { backupJob } from "../backup/backup-job.ts";
import { reach } from "../config/database.ts";
import { backupSettings, requireDatabase, requireStorage, theProductionDatabase } from "../config/select.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import { version } from "../version.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { runAsJob } from "./run-as-job.ts";
import { parseSlot, SLOT_OPTION } from "./run-dependencies.ts";
import { humanBytes, humanDuration, humanPlural } from "../observe/human.ts";

export interface BackupOptions {
  database?: string | undefined;
  slot?: string | undefined;
}

export const command: Command<BackupOptions> = {
  options: (yargs) =>
    yargs
      .positional("database", {
        type: "string",
        describe: "the database to back up; the production one by default",
      })
      .option("slot", SLOT_OPTION),
  run: runBackupCommand,
  exits: [
    "warnings",
    "busy",
    "notPermitted",
    "refused",
    "corrupt",
    "fenced",
    "unreachable",
    "tool",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops backup production", "make a backup of production now"],
    ["dataops backup --json", "the same, for programs: its manifest on stdout"],
    ["dataops backup --slot 2026-11-21T04:00:00Z", "the one that was due then, unless it is made already"],
  ],
};

/** Makes one backup. */
export async function runBackupCommand(
  options: BackupOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const config = await context.config();
  const chosen =
    options.database === undefined
      ? theProductionDatabase(config)
      : requireDatabase(config, options.database);
  const database = await reach(chosen, context.signal);
  const slot = parseSlot(options.slot);
  const { lockWaitTimeout, stallTimeout, compressionLevel, format, jobs, volatileTables } = backupSettings(
    config,
    database.name,
  );
  const { reporter, environment } = context;
  await using opened = closing(await openStorage(requireStorage(config), reporter));
  const { storage } = opened;
  const outcome = await runAsJob(
    context,
    { config, storage, database },
    backupJob(
      { storage, reporter, environment, now: () => context.now(), version, slot },
      {
        database: database.name,
        environment: database.environment,
        connection: database.connection,
        lockWaitTimeout,
        stallTimeout,
        compressionLevel,
        format,
        jobs,
        volatileTables,
        cache: config.cache,
      },
    ),
  );
  const { manifest } = outcome.value;
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const took = humanDuration(Date.parse(manifest.finished) - Date.parse(manifest.started));
  if (outcome.message !== null) reporter.warn(outcome.message);
  return {
    exit: outcome.exit,
    data: manifest,
    text: `backup ${manifest.id} of ${database.name}: ${humanPlural(manifest.tables.length, "table")}, ${humanPlural(rows, "row")}, ${humanBytes(storedSize(manifest))} stored from ${humanBytes(manifest.source.size)}, in ${took}`,
  };
}

function closing(storage: Storage): AsyncDisposable & { storage: Storage } {
  return { storage, [Symbol.asyncDispose]: () => storage.close() };
}
