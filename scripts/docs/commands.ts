import { describeCommand, type CommandDescription } from "../../src/commands/describe.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { EXIT_CODES } from "../../src/errors.ts";
import { table } from "./table.ts";

const EVERYWHERE = new Set(["config", "json", "quiet", "help"]);

/** Every command with its options, exit codes and examples. */
export async function commandsPage(): Promise<string[]> {
  const commands = await Promise.all(COMMANDS.map(describeCommand));
  return [
    "# Commands",
    "",
    "Every command also takes `--config FILE`, `--json`, `--quiet` and `--help`. Exit codes beside 0, 1 and 2 are named; all are in",
    "[exit codes](exit-codes.md).",
    ...commands.flatMap(section),
  ];
}

function section({ usage, summary, positionals, options, exits, examples }: CommandDescription): string[] {
  const rows = [
    ...positionals.map(({ name, description, type }) => [`\`${name}\``, type, description]),
    ...options
      .filter(({ name }) => !EVERYWHERE.has(name))
      .map(({ name, description, type, defaultValue }) => [
        `\`--${name}\``,
        type + (defaultValue === undefined || type === "yes or no" ? "" : `, ${defaultValue}`),
        description,
      ]),
  ];
  return [
    "",
    `## \`dataops ${usage}\``,
    "",
    `${summary}.`,
    ...(rows.length === 0 ? [] : ["", ...table(["argument", "value", "meaning"], rows)]),
    "",
    ...examples.map(([line, what]) => `    ${line}    # ${what}`),
    ...(exits.length === 0
      ? []
      : [
          "",
          `Exit codes: ${exits.map((exit) => `${EXIT_CODES[exit].code} (${EXIT_CODES[exit].meaning})`).join("; ")}.`,
        ]),
  ];
}
