import { requireStorage } from "../config/select.ts";
import { credentialStatements } from "../deploy/credential-statements.ts";
import { storagePolicy, STORAGE_ROLES, type StorageRole } from "../deploy/iam-policy.ts";
import { taskDefinition } from "../deploy/task-definition.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";

export interface PrintOptions {
  what: "iam-policy" | "task-definition";
  role: StorageRole;
  run: string;
  image: string;
  region: string;
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
        choices: STORAGE_ROLES,
        default: "writer" as const,
        describe: "iam-policy: who makes backups, who may delete them, or who fetches them",
      })
      .option("run", {
        type: "string",
        default: "daemon",
        describe: "task-definition: what the task runs",
      })
      .option("image", { type: "string", default: "<image>", describe: "task-definition: the image" })
      .option("region", {
        type: "string",
        default: "<region>",
        describe: "task-definition: where secrets and logs are",
      })
      .option("account", {
        type: "string",
        default: "<account>",
        describe: "task-definition: whose they are",
      }),
  run: runPrint,
  exits: [],
  examples: [
    ["dataops print iam-policy --role reader", "for laptops: list and read, and nothing else"],
    ['dataops print task-definition --run "backup production"', "a scheduled task that backs production up"],
  ],
};

/** Undefined for a placeholder that nobody has filled in. */
function known(value: string): string | undefined {
  return value.startsWith("<") ? undefined : value;
}

/** Prints what the configuration needs of AWS, as JSON. No connection is made. */
export async function runPrint(options: PrintOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const document = options.what === "iam-policy" ? policyOf() : definition();
  return { exit: "done", data: document, text: JSON.stringify(document, null, 2) };

  function policyOf(): unknown {
    const { url, kmsKeyId } = requireStorage(config);
    const policy = storagePolicy(options.role, { storageUrl: url, kmsKeyId });
    // Whoever only fetches has a database of their own.
    if (options.role === "reader") return policy;
    const credentials = credentialStatements(config, {
      region: known(options.region) ?? context.environment["AWS_REGION"],
      account: known(options.account),
    });
    return { ...policy, Statement: [...policy.Statement, ...credentials] };
  }

  function definition(): unknown {
    const { image, region, account, run } = options;
    return taskDefinition({ config, command: run.split(/\s+/).filter(Boolean), image, region, account });
  }
}
