import { reach } from "../config/database.ts";
import { requireDatabase, restoreSettings } from "../config/select.ts";
import { humanName } from "../observe/human.ts";
import { makeBackupId } from "../repository/backup-id.ts";
import { guard } from "../replace/guard/destructive.ts";
import { connectMaintenance, readTargetFacts } from "../replace/guard/target-facts.ts";
import { undo } from "../replace/swap/undo.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { confirmationFrom } from "./confirm.ts";

export interface UndoOptions {
  database: string;
  yes: boolean;
  force: boolean;
}

export const command: Command<UndoOptions> = {
  options: (yargs) =>
    yargs
      .positional("database", {
        type: "string",
        demandOption: true,
        describe: "the database to bring back, by its name in the configuration",
      })
      .option("yes", {
        type: "boolean",
        default: false,
        describe: "exchange a local database that holds data without asking; lifts no refusal",
      })
      .option("force", {
        type: "boolean",
        default: false,
        describe: "end sessions on the database, instead of waiting for them",
      }),
  run: runUndo,
  exits: ["notPermitted", "refused", "unreachable", "interrupted", "terminated"],
  examples: [
    ["dataops undo local", "the database as it was before the last restore or reset"],
    ["dataops undo local --yes", "and again: the newer one is back"],
  ],
};

/** Exchanges a database and the one that the last restore or reset replaced. Nothing is lost: a second undo exchanges them back. */
export async function runUndo(options: UndoOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const target = await reach(requireDatabase(config, options.database), context.signal);
  const { reporter, signal, environment } = context;
  const runId = makeBackupId(context.now());
  const connection = { applicationName: `dataops:${runId}`, signal, environment };
  await using maintenance = await connectMaintenance(target.connection, connection);
  const permission = await guard(
    maintenance,
    () => readTargetFacts(maintenance, target.connection, connection),
    { environment: target.environment, configuredName: target.name, source: undefined },
    confirmationFrom(options.yes, target.connection.database, context),
  );
  const { old } = await undo(permission, {
    runId,
    force: options.force,
    waitForSessions: restoreSettings(config, target.name).waitForSessions,
    reporter,
    connection,
  });
  return {
    exit: "done",
    data: { target: target.name, database: permission.name, old: old ?? null },
    text: `${humanName(permission.name)} is again as it was before it was replaced${old === undefined ? "" : `; what was there is kept as ${humanName(old)}`}`,
  };
}
