import { storedSize } from "../repository/manifest.ts";
import { runBackup } from "../backup/backup.ts";
import { backupSettings, requireDatabase, requireStorage, theProductionDatabase } from "../config/select.ts";
import { openStorage } from "../storage/open.ts";
import { version } from "../version.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { humanBytes, humanDuration, humanPlural } from "../observe/human.ts";

export interface BackupOptions {
  database?: string | undefined;
}

export const command: Command<BackupOptions> = {
  options: (yargs) =>
    yargs.positional("database", {
      type: "string",
      describe: "the database to back up; the production one by default",
    }),
  run: runBackupCommand,
  exits: [
    "warnings",
    "notPermitted",
    "refused",
    "corrupt",
    "unreachable",
    "tool",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops backup production", "make a backup of production now"],
    ["dataops backup --json", "the same, for programs: its manifest on stdout"],
  ],
};

/** Makes one backup. */
export async function runBackupCommand(
  options: BackupOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const config = await context.config();
  const database =
    options.database === undefined
      ? theProductionDatabase(config)
      : requireDatabase(config, options.database);
  const storage = requireStorage(config);
  const { lockWaitTimeout, stallTimeout, compressionLevel, format, jobs, volatileTables } = backupSettings(
    config,
    database.name,
  );
  const { reporter, signal, environment } = context;
  const { manifest } = await runBackup(
    {
      openStorage: () => openStorage(storage, reporter),
      reporter,
      signal,
      environment,
      now: () => context.now(),
      version,
    },
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
  );
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const took = humanDuration(Date.parse(manifest.finished) - Date.parse(manifest.started));
  const { suspect = [] } = manifest;
  if (suspect.length > 0) reporter.warn(describeSuspicions(manifest.id, suspect));
  return {
    exit: suspect.length > 0 ? "warnings" : "done",
    data: manifest,
    text: `backup ${manifest.id} of ${database.name}: ${humanPlural(manifest.tables.length, "table")}, ${humanPlural(rows, "row")}, ${humanBytes(storedSize(manifest))} stored from ${humanBytes(manifest.source.size)}, in ${took}`,
  };
}

/** Why a backup is suspect, and what to do about it, in one line. */
function describeSuspicions(id: string, reasons: readonly string[]): string {
  return `backup ${id} is suspect: ${reasons.join("; ")}. It is not the latest until \`dataops accept ${id}\``;
}
