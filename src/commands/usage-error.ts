import { nearest } from "../config/nearest.ts";
import { DataopsError } from "../errors.ts";

/** The command that the arguments were for. */
export interface UsedCommand {
  name: string;
  /** As in the list of commands: `restore <id>`. */
  usage: string;
  /** Its options' names. */
  known: readonly string[];
}

/** What yargs says, and how we say it. Anything else it says is passed on as it is. */
const SAYINGS: readonly [said: RegExp, ours: (match: RegExpExecArray, command: UsedCommand) => Saying][] = [
  [/^Unknown arguments?: (.+)$/, ([, names = ""], { known }) => unknownArguments(names.split(", "), known)],
  [
    /^Not enough non-option arguments: got (\d+), need at least \d+$/,
    ([, got], { usage }) => ({ message: `${missingPositionals(usage, Number(got)).join(" ")} is missing` }),
  ],
  [
    /^Missing required arguments?: (.+)$/,
    ([, names = ""]) => ({ message: `--${names.split(", ").join(", --")} is missing` }),
  ],
  [/^Not enough arguments following: (.+)$/, ([, name = ""]) => ({ message: `--${name} needs a value` })],
  [
    /^Invalid values: Argument: (\S+), Given: (".*"), Choices: (.+)$/,
    ([, name = "", given = "", choices = ""]) => ({
      message: `${name} cannot be ${given}`,
      hint: `it is one of ${choices.replaceAll('"', "")}`,
    }),
  ],
];

interface Saying {
  message: string;
  hint?: string | undefined;
}

/** A mistake in the arguments, in our words and with what to do about it. */
export function usageError(said: string, command: UsedCommand, cause?: unknown): DataopsError {
  const line = said.replaceAll(/\s+/g, " ").trim();
  let saying: Saying = { message: line.charAt(0).toLowerCase() + line.slice(1) };
  for (const [pattern, ours] of SAYINGS) {
    const match = pattern.exec(line);
    if (match === null) continue;
    saying = ours(match, command);
    break;
  }
  const hint = saying.hint ?? `\`dataops ${command.name} --help\` shows what it takes`;
  return new DataopsError("usage", saying.message, { hint, cause });
}

/** Options and arguments that are not there. */
export function unknownArguments(names: readonly string[], known: readonly string[]): Saying {
  const [first = ""] = names;
  const meant = nearest(first.replace(/^-+/, ""), known);
  return {
    message: `unknown option or argument: ${names.join(", ")}`,
    hint: meant === undefined ? undefined : `did you mean --${meant}?`,
  };
}

/** `<environment>` of `stamp <database> <environment>` where one was given. */
function missingPositionals(usage: string, given: number): string[] {
  return usage
    .split(" ")
    .slice(1 + given)
    .filter((part) => part.startsWith("<"));
}
