import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import { lateValuesOf } from "../config/references.ts";
import { configJsonSchema } from "../config/schema.ts";
import { isDataopsError } from "../errors.ts";
import { humanTable } from "../observe/human.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { checkStorageUrl } from "./storage-url.ts";

export interface ConfigOptions {
  action: "show" | "validate" | "schema";
}

export const command: Command<ConfigOptions> = {
  options: (yargs) =>
    yargs.positional("action", {
      choices: ["show", "validate", "schema"] as const,
      demandOption: true,
      describe: "show the values and where each came from, check them, or print the JSON schema",
    }),
  run: runConfig,
  exits: ["warnings"],
  examples: [
    ["dataops config show", "every value, without secrets, and its origin"],
    ["dataops config validate", "everything that is wrong, with its line"],
    ["dataops config schema > dataops.schema.json", "for an editor"],
  ],
};

/** Shows or checks the configuration. No connection is made. */
export async function runConfig({ action }: ConfigOptions, context: CommandContext): Promise<CommandResult> {
  if (action === "schema") {
    const schema = configJsonSchema();
    return { exit: "done", data: schema, text: JSON.stringify(schema, null, 2) };
  }
  if (action === "show") return show(await context.config());
  const config = await loadOrExplain(context);
  await checkStorageUrl(config);
  return validate(config, context);
}

function show(config: Config): CommandResult {
  const values = config.origins.toSorted((left, right) => (left.path < right.path ? -1 : 1));
  const columns = ["KEY", "VALUE", "FROM"].map((title) => ({ title, align: "left" as const }));
  const rows = values.map(({ path, shown, origin }) => [path, shown, origin]);
  const text = values.length === 0 ? "nothing is configured" : humanTable(columns, rows);
  return {
    exit: "done",
    data: {
      file: config.file ?? null,
      values: values.map(({ path, shown, origin }) => ({ path, value: shown, origin })),
    },
    text,
  };
}

/** All problems are told, not only the first, which the error's message has. */
async function loadOrExplain({ config, reporter }: CommandContext): Promise<Config> {
  try {
    return await config();
  } catch (error) {
    if (error instanceof ConfigError) for (const problem of error.problems.slice(1)) reporter.warn(problem);
    throw error;
  }
}

/** What other machines have and this one lacks is worth saying, and no error. */
function validate(config: Config, { reporter }: CommandContext): CommandResult {
  const notHere: string[] = [];
  for (const [, value] of lateValuesOf(config)) {
    try {
      value.peek();
    } catch (error) {
      if (!isDataopsError(error)) throw error;
      notHere.push(error.message);
      reporter.warn(error.message);
    }
  }
  return {
    exit: notHere.length === 0 ? "done" : "warnings",
    data: { file: config.file ?? null, valid: true, notHere },
    text: `${config.file ?? "the environment"} is valid${notHere.length === 0 ? "" : ", but not complete on this machine"}`,
  };
}
