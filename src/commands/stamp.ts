import { reach } from "../config/database.ts";
import { requireDatabase } from "../config/select.ts";
import { DataopsError } from "../errors.ts";
import { humanBytes, humanName, humanPlural } from "../observe/human.ts";
import { connect } from "../postgres/client.ts";
import { describePlace } from "../postgres/postgres-error.ts";
import { makeBackupId } from "../repository/backup-id.ts";
import { readStampTarget, writeStamp, type StampTarget } from "../replace/guard/stamp.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";

export interface StampOptions {
  database: string;
  environment: string;
  confirm?: string | undefined;
}

export const command: Command<StampOptions> = {
  options: (yargs) =>
    yargs
      .positional("database", {
        type: "string",
        demandOption: true,
        describe: "the database, by its name in the configuration",
      })
      .positional("environment", {
        type: "string",
        demandOption: true,
        describe: "what it is for: production, staging, development, …",
      })
      .option("confirm", {
        type: "string",
        requiresArg: true,
        describe: "the database's name on its server, instead of typing it",
      }),
  run: runStamp,
  exits: ["notPermitted", "refused", "unreachable", "interrupted", "terminated"],
  examples: [
    ["dataops stamp staging staging", "after looking at what is shown, and typing its name"],
    ["dataops stamp staging staging --confirm app_staging", "where there is no terminal"],
  ],
};

/** Writes into a database what it is for. The guard believes the stamp, so a person has to look at it first. */
export async function runStamp(options: StampOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const { name, connection } = await reach(requireDatabase(config, options.database), context.signal);
  const { environment, signal, ask } = context;
  const applicationName = `dataops:${makeBackupId(context.now())}`;
  await using client = await connect(connection, { applicationName, signal, environment });
  const target = await readStampTarget(client);
  const shown = describe(target, describePlace(connection));
  if (options.confirm === undefined && ask === undefined) {
    throw new DataopsError("refused", `a stamp needs the database's name typed: ${shown}`, {
      hint: "if that is the one you mean, add --confirm with its name",
    });
  }
  const typed =
    options.confirm ??
    (await ask?.(`${shown}\nType the database's name to stamp it ${options.environment}: `));
  if (typed !== target.databaseName) {
    throw new DataopsError("refused", `the name typed is not that of the database: ${shown}`, {
      hint: "nothing was changed",
    });
  }
  const where = await writeStamp(client, target, options.environment);
  const { databaseName, stamp } = target;
  return {
    exit: "done",
    data: { target: name, database: databaseName, environment: options.environment, before: stamp ?? null },
    text: `${humanName(databaseName)} is stamped ${options.environment}${where === "comment" ? ", in its comment" : ""}${stamp === undefined ? "" : `; it was stamped ${humanName(stamp)}`}`,
  };
}

function describe(target: StampTarget, place: string): string {
  const stamped = target.stamp === undefined ? "not stamped" : `stamped ${target.stamp}`;
  return humanName(
    `${place}, ${humanPlural(target.tables, "table")}, ${humanBytes(target.size)}, ${stamped}`,
  );
}
