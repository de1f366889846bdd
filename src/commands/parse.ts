import yargs, { type Argv } from "yargs";
import { DataopsError } from "../errors.ts";
import { nearest } from "../config/nearest.ts";
import { exitCodeLines } from "./help.ts";
import { commandName, COMMANDS, positionalNames, takesWords, type CommandEntry } from "./index.ts";
import type { AnyCommand } from "./command.ts";
import { unknownArguments, usageError, type UsedCommand } from "./usage-error.ts";

/** What every command takes. */
export interface GlobalOptions {
  config?: string | undefined;
  json: boolean;
  quiet: boolean;
  color: boolean;
}

/** Words and switches that stand for themselves, without a command. */
const WITHOUT_COMMAND = ["--help", "--version", "--json", "--quiet", "--color"] as const;

/** `--json=…`: the name, and the value. */
const SWITCH_WITH_VALUE = /^--([a-z-]+)=(.*)$/s;

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
 * What is wanted where no command is named; undefined where nothing is.
 *
 * @throws DataopsError `usage` for an option that needs a command, or is none
 */
export function parseWithoutCommand(args: readonly string[]): "help" | "version" | undefined {
  const unknown = args.find(
    (arg, index) =>
      arg.startsWith("-") &&
      !["-h", "--", "--config", ...WITHOUT_COMMAND].includes(
        arg.replace(/^--no-/, "--").replace(/^(--config)=.*$/s, "$1"),
      ) &&
      args[index - 1] !== "--config",
  );
  if (unknown !== undefined) {
    const { message, hint } = unknownArguments(
      [unknown],
      WITHOUT_COMMAND.map((name) => name.slice(2)),
    );
    throw new DataopsError("usage", message, {
      hint: hint ?? "name a command first: `dataops --help` lists them",
    });
  }
  if (args.includes("--help") || args.includes("-h")) return "help";
  return args.includes("--version") ? "version" : undefined;
}

/** Whether the answer shall be JSON, even that to a command line which cannot be read. */
export function asksForJson(args: readonly string[]): boolean {
  return beforeDashes(args).some((arg) => arg === "--json" || arg.startsWith("--json="));
}

/**
 * Reads a command's positionals and options, strictly, or makes its help.
 *
 * @throws DataopsError `usage` for an option or an argument that the command does not have, or lacks
 */
export async function parseCommand(entry: CommandEntry, args: readonly string[]): Promise<Invocation> {
  const { command } = await entry.load();
  const used: UsedCommand = { name: commandName(entry), usage: entry.usage, known: [] };
  let options: KnownOptions | undefined;
  const parser = buildParser(entry, command, (built) => {
    options = knownOptions(built);
  });
  let help: string | undefined;
  const parsed = await parser.parseAsync([...args], {}, (_error, _options, output) => {
    if (output !== "") help = output;
  });
  if (help !== undefined) return { kind: "text", text: help };
  if (options !== undefined) {
    checkValues(parsed, args, options, (message) => {
      throw usageError(message, used);
    });
  }
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
  const used = { name, usage: entry.usage, known: [] as string[] };
  const parser = yargs()
    .scriptName("dataops")
    .locale("en")
    .wrap(100)
    .parserConfiguration({
      // Without it only the last of several words would stay.
      "duplicate-arguments-array": takesWords(entry),
      "parse-positional-numbers": false,
      "strip-dashed": true,
      "dot-notation": false,
    })
    .command(entry.usage, entry.summary, (builder: Argv) => {
      command.options(builder);
      for (const [line, what] of command.examples) builder.example(line, what);
      const { key, string, number } = knownOptions(builder);
      used.known = Object.keys(key);
      const positionals = positionalNames(entry);
      builder.requiresArg([...string, ...number].filter((option) => !positionals.includes(option)));
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
    throw usageError(message ?? error?.message ?? "the arguments are not valid", used, error);
  });
}

/** What yargs would take for something else: a number that is none, an empty value, a value for a switch. */
function checkValues(
  parsed: Readonly<Record<string, unknown>>,
  args: readonly string[],
  { number, string, boolean, array }: KnownOptions,
  fail: (message: string) => never,
): void {
  for (const name of [...number, ...string]) {
    if (Array.isArray(parsed[name]) && !array.includes(name)) fail(`--${name} is given more than once`);
  }
  for (const name of number) if (Number.isNaN(parsed[name])) fail(`--${name} takes a number`);
  for (const name of string) if (parsed[name] === "") fail(`${name} is empty`);
  for (const arg of beforeDashes(args)) {
    const [, name = "", value = ""] = SWITCH_WITH_VALUE.exec(arg) ?? [];
    if (boolean.includes(name) && value !== "true" && value !== "false") fail(`--${name} takes no value`);
  }
}

/** What yargs knows of a command's options and positionals. */
interface KnownOptions {
  key: Record<string, unknown>;
  number: string[];
  string: string[];
  boolean: string[];
  array: string[];
}

function knownOptions(parser: Argv): KnownOptions {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- documented at yargs.js.org, and missing in its types
  return (parser as unknown as { getOptions(): KnownOptions }).getOptions();
}

/** What follows `--` are no options. */
function beforeDashes(args: readonly string[]): readonly string[] {
  const dashes = args.indexOf("--");
  return dashes === -1 ? args : args.slice(0, dashes);
}
