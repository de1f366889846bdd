import yargs, { type Argv } from "yargs";
import { DataopsError } from "../errors.ts";
import { nearest } from "../config/nearest.ts";
import { exitCodeLines } from "./help.ts";
import { commandName, COMMANDS, type CommandEntry } from "./index.ts";
import type { AnyCommand } from "./command.ts";

/** What every command takes. */
export interface GlobalOptions {
  config?: string | undefined;
  json: boolean;
  quiet: boolean;
  color: boolean;
}

/** A command line, understood. */
export type Invocation =
  | { kind: "run"; command: AnyCommand; options: never; global: GlobalOptions }
  | { kind: "text"; text: string };

/**
 * The command that a line of arguments names: its first word, options aside.
 *
 * @throws DataopsError `usage` for a word that is no command
 */
export function findCommand(args: readonly string[]): CommandEntry | undefined {
  const word = args.find((arg, index) => !arg.startsWith("-") && args[index - 1] !== "--config");
  if (word === undefined) return undefined;
  const entry = COMMANDS.find((one) => commandName(one) === word);
  if (entry !== undefined) return entry;
  const meant = nearest(word, COMMANDS.map(commandName));
  throw new DataopsError("usage", `there is no command ${JSON.stringify(word)}`, {
    hint: meant === undefined ? "`dataops --help` lists them" : `did you mean \`dataops ${meant}\`?`,
  });
}

/**
 * Reads a command's positionals and options, strictly, or makes its help.
 *
 * @throws DataopsError `usage` for an option or an argument that the command does not have, or lacks
 */
export async function parseCommand(entry: CommandEntry, args: readonly string[]): Promise<Invocation> {
  const { command } = await entry.load();
  const parser = buildParser(entry, command);
  let help: string | undefined;
  const parsed = await parser.parseAsync([...args], {}, (_error, _options, output) => {
    if (output !== "") help = output;
  });
  if (help !== undefined) return { kind: "text", text: help };
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs has checked them against what was declared
  const { config, json, quiet, color } = parsed as unknown as GlobalOptions;
  const global = { config, json, quiet, color };
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs has checked them against what was declared
  return { kind: "run", command, options: parsed as never, global };
}

/** The yargs parser of one command; also what its reference documentation is made from. */
export function buildParser(entry: CommandEntry, command: AnyCommand, onBuilt?: (built: Argv) => void): Argv {
  const name = commandName(entry);
  const epilogue = ["Exit codes:", ...exitCodeLines(["done", "failed", "usage", ...command.exits])].join(
    "\n",
  );
  let known: string[] = [];
  const parser = yargs()
    .scriptName("dataops")
    .locale("en")
    .wrap(100)
    .parserConfiguration({
      "duplicate-arguments-array": false,
      "parse-positional-numbers": false,
      "strip-dashed": true,
      "dot-notation": false,
    })
    .command(entry.usage, entry.summary, (builder: Argv) => {
      command.options(builder);
      for (const [line, what] of command.examples) builder.example(line, what);
      known = optionNames(builder);
      onBuilt?.(builder);
      return builder.epilogue(epilogue);
    })
    .option("config", {
      type: "string",
      requiresArg: true,
      describe: "the configuration file",
      group: "Everywhere:",
    })
    .option("json", {
      type: "boolean",
      default: false,
      describe: "one JSON document on stdout",
      group: "Everywhere:",
    })
    .option("quiet", { type: "boolean", default: false, describe: "no progress", group: "Everywhere:" })
    .option("color", { type: "boolean", default: true, hidden: true })
    .help("help")
    .alias("help", "h")
    .group("help", "Everywhere:")
    .version(false)
    .strict()
    .exitProcess(false);
  return parser.fail((message: string | undefined, error: Error | undefined) => {
    if (error instanceof DataopsError) throw error;
    throw usageError(name, message ?? error?.message ?? "the arguments are not valid", known, error);
  });
}

function usageError(
  name: string,
  message: string,
  known: readonly string[],
  cause: Error | undefined,
): DataopsError {
  const line = message.replaceAll(/\s+/g, " ").trim();
  const unknown = /^Unknown arguments?: (.+)$/.exec(line)?.[1]?.split(", ") ?? [];
  const [first] = unknown;
  const meant = first === undefined ? undefined : nearest(first, known);
  const said = first === undefined ? lowerFirst(line) : `unknown option or argument: ${unknown.join(", ")}`;
  return new DataopsError("usage", said, {
    hint: meant === undefined ? `\`dataops ${name} --help\` shows what it takes` : `did you mean --${meant}?`,
    cause,
  });
}

function optionNames(parser: Argv): string[] {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- documented at yargs.js.org, and missing in its types
  const known = parser as unknown as { getOptions(): { key: Record<string, unknown> } };
  return Object.keys(known.getOptions().key);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
