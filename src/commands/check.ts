import { requireStorage } from "../config/select.ts";
import { DataopsError, EXIT_CODES, isDataopsError, type ExitName } from "../errors.ts";
import { worstLevel, type Level } from "../status/finding.ts";
import { listedDatabases } from "../status/listed.ts";
import { readStatus, type DatabaseStatus } from "../status/read-status.ts";
import { openStorage } from "../storage/open.ts";
import { nagiosError, nagiosResult, type NagiosResult } from "./check/nagios.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { statusData } from "./status/data.ts";

export interface CheckOptions {
  database?: string | undefined;
  nagios: boolean;
}

const EXIT_BY_LEVEL = {
  ok: "done",
  warning: "warnings",
  critical: "corrupt",
} as const satisfies Record<Level, ExitName>;

export const command: Command<CheckOptions> = {
  options: (yargs) =>
    yargs
      .positional("database", {
        type: "string",
        describe: "only this database; all of them by default",
      })
      .option("nagios", {
        type: "boolean",
        default: false,
        describe: "the output and the exit codes of a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN",
      }),
  run: runCheck,
  exits: ["warnings", "notPermitted", "corrupt", "unreachable"],
  examples: [
    ["dataops check", "is there a good backup that is new enough? a line for each thing that is not"],
    ["dataops check production --nagios", "the same for Nagios, Icinga and what else runs its plugins"],
  ],
};

/** Says whether there are good backups that are new enough, for scripts and monitoring. Reads only. */
export async function runCheck(options: CheckOptions, context: CommandContext): Promise<CommandResult> {
  if (!options.nagios) return resultOf(await readListed(options, context));
  if (context.json) {
    throw new DataopsError("usage", "--nagios and --json exclude each other", {
      hint: "take --json for programs of your own",
    });
  }
  try {
    const statuses = await readListed(options, context);
    return asNagios(resultOf(statuses), nagiosResult(statuses, context.now()));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isDataopsError(error)) throw error;
    return asNagios({ exit: error.exit, data: undefined, text: "" }, nagiosError(error));
  }
}

async function readListed({ database }: CheckOptions, context: CommandContext): Promise<DatabaseStatus[]> {
  const config = await context.config();
  const names = listedDatabases(config, database);
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    const statuses = await readStatus(storage, config, names, context.now(), { signal: context.signal });
    if (statuses.every(({ findings }) => findings.length === 0)) throw nothingToCheck(names);
    return statuses;
  } finally {
    await storage.close();
  }
}

/** Silence is no good news. Of databases that are backed up there always is something to say. */
function nothingToCheck(names: readonly string[]): DataopsError {
  return new DataopsError(
    "usage",
    `there is nothing to check of ${names.join(", ")}: it is not backed up, and no job of it ever ran`,
    {
      hint: "a database is backed up where its environment is production, or there is a section for it under `backup`",
    },
  );
}

function resultOf(statuses: readonly DatabaseStatus[]): CommandResult {
  const findings = statuses.flatMap((status) => status.findings);
  const level = worstLevel(findings);
  const exit = EXIT_BY_LEVEL[level];
  const width = Math.max(...statuses.map(({ database }) => database.length));
  const lines = statuses.flatMap(({ database, findings }) =>
    findings.map((finding) => `${finding.level.padEnd(8)}  ${database.padEnd(width)}  ${finding.what}`),
  );
  return {
    exit,
    data: { level, exit, code: EXIT_CODES[exit].code, databases: statuses.map(statusData) },
    text: lines.join("\n"),
  };
}

function asNagios(result: CommandResult, { text, exitCode }: NagiosResult): CommandResult {
  return { ...result, text, exitCode };
}
