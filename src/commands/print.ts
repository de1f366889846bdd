import type { Config } from "../config/config.ts";
import { requireStorage } from "../config/select.ts";
import { credentialStatements } from "../deploy/credential-statements.ts";
import { storagePolicy, STORAGE_ROLES, type PolicyStatement } from "../deploy/iam-policy.ts";
import { partitionOf } from "../deploy/partition.ts";
import { executionStatements, schedulerStatements } from "../deploy/start-policies.ts";
import { taskDefinition, variablesOf } from "../deploy/task-definition.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";

const ROLES = [...STORAGE_ROLES, "execution", "scheduler"] as const;

export interface PrintOptions {
  what: "iam-policy" | "task-definition";
  role: (typeof ROLES)[number];
  run: string;
  image: string;
  region: string | undefined;
  account: string;
}

export const command: Command<PrintOptions> = {
  options: (yargs) =>
    yargs
      .positional("what", {
        choices: ["iam-policy", "task-definition"] as const,
        demandOption: true,
        describe: "the least that a role needs of AWS; a task of Amazon ECS",
      })
      .option("role", {
        choices: ROLES,
        default: "writer" as const,
        describe:
          "iam-policy: who makes backups, who may delete them, who fetches them; what starts the tasks, and what does so on a schedule",
      })
      .option("run", {
        type: "string",
        default: "daemon",
        describe: "task-definition: what the task runs",
      })
      .option("image", { type: "string", default: "<image>", describe: "task-definition: the image" })
      .option("region", {
        type: "string",
        describe: "where all of it is; by default the storage's, or AWS_REGION",
      })
      .option("account", { type: "string", default: "<account>", describe: "whose it is, by number" }),
  run: runPrint,
  exits: [],
  examples: [
    ["dataops print iam-policy --role reader", "for laptops: list and read, and nothing else"],
    ['dataops print task-definition --run "backup production"', "a scheduled task that backs production up"],
  ],
};

/** Prints what the configuration needs of AWS, as JSON. No connection is made. */
export async function runPrint(options: PrintOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const known = options.region ?? config.storage?.region ?? context.environment["AWS_REGION"];
  const document = options.what === "iam-policy" ? policy() : definition();
  return { exit: "done", data: document, text: JSON.stringify(document, null, 2) };

  function policy(): unknown {
    return { Version: "2012-10-17", Statement: statementsFor(options, config, known) };
  }

  function definition(): unknown {
    const { image, account, run } = options;
    const words = run.split(/\s+/).filter(Boolean);
    return taskDefinition({ config, command: words, image, region: known ?? "<region>", account });
  }
}

/** What a role needs, thing by thing. */
function statementsFor(
  { role, account }: PrintOptions,
  config: Config,
  known: string | undefined,
): PolicyStatement[] {
  const place = { region: known ?? "<region>", account };
  switch (role) {
    case "execution":
      return executionStatements(variablesOf(config).secret, place);
    case "scheduler":
      return schedulerStatements(place);
    default: {
      const { url, kmsKeyId } = requireStorage(config);
      const indexedDatabases = [...new Set(Object.values(config.indexes).map(({ database }) => database))];
      const storage = storagePolicy(role, { storageUrl: url, kmsKeyId, indexedDatabases, region: known });
      // Whoever only fetches has a database of their own.
      if (role === "reader") return storage.Statement;
      const credentials = credentialStatements(config, {
        region: known,
        account: account.startsWith("<") ? undefined : account,
        partition: partitionOf(known),
      });
      return [...storage.Statement, ...credentials];
    }
  }
}
