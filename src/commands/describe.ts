import type { Argv } from "yargs";
import type { ExitName } from "../errors.ts";
import { commandName, positionalNames, type CommandEntry } from "./index.ts";
import { buildParser } from "./parse.ts";

/** All that completion scripts and the reference documentation tell of a command. */
export interface CommandDescription {
  name: string;
  usage: string;
  summary: string;
  positionals: OptionDescription[];
  options: OptionDescription[];
  /** What its first argument may be, where that is a list. */
  choices: string[];
  exits: readonly ExitName[];
  examples: readonly (readonly [string, string])[];
}

export interface OptionDescription {
  name: string;
  description: string;
  /** `text`, `number`, `yes or no`, or the choices. */
  type: string;
  defaultValue: string | undefined;
}

/** What yargs knows of its options; its types leave this out. */
interface KnownToYargs {
  getOptions(): {
    key: Record<string, unknown>;
    number: string[];
    boolean: string[];
    choices: Record<string, string[]>;
    default: Record<string, unknown>;
    hiddenOptions: string[];
  };
  getInternalMethods(): { getUsageInstance(): { getDescriptions(): Record<string, string | undefined> } };
}

/** Reads a command's options from the very parser that will parse them. */
export async function describeCommand(entry: CommandEntry): Promise<CommandDescription> {
  const { command } = await entry.load();
  let known: OptionDescription[] = [];
  let choices: string[] = [];
  const positionals = positionalNames(entry);
  const parser = buildParser(entry, command, (built) => {
    known = readOptions(built);
    choices = asYargs(built).getOptions().choices[positionals[0] ?? ""] ?? [];
  });
  await parser.parseAsync([commandName(entry), "--help"], {}, () => undefined);
  return {
    name: commandName(entry),
    usage: entry.usage,
    summary: entry.summary,
    positionals: known.filter(({ name }) => positionals.includes(name)),
    options: known.filter(({ name }) => !positionals.includes(name)),
    choices,
    exits: command.exits,
    examples: command.examples,
  };
}

function readOptions(built: Argv): OptionDescription[] {
  const yargs = asYargs(built);
  const options = yargs.getOptions();
  const descriptions = yargs.getInternalMethods().getUsageInstance().getDescriptions();
  return Object.keys(options.key)
    .filter((name) => name.length > 1 && name === name.toLowerCase() && !options.hiddenOptions.includes(name))
    .map((name) => ({
      name,
      description:
        (descriptions[name] ?? "").replace("__yargsString__:", "").toLowerCase() === "show help"
          ? "show help"
          : (descriptions[name] ?? ""),
      type: typeOf(name, options),
      defaultValue: options.default[name] === undefined ? undefined : JSON.stringify(options.default[name]),
    }));
}

function typeOf(name: string, options: ReturnType<KnownToYargs["getOptions"]>): string {
  const choices = options.choices[name];
  if (choices !== undefined) return choices.join(" or ");
  if (options.boolean.includes(name)) return "yes or no";
  return options.number.includes(name) ? "number" : "text";
}

function asYargs(built: Argv): KnownToYargs {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- documented for authors of plugins, not typed
  return built as unknown as KnownToYargs;
}
