import type { Argv } from "yargs";
import type { ExitName } from "../errors.ts";
import type { Config } from "../config/config.ts";
import type { SecretSource } from "../config/secret-reference.ts";
import type { Display } from "../observe/display.ts";
import type { Reporter } from "../observe/reporter.ts";

/** What every command is given. Commands never touch `process`, `console` or yargs' parser. */
export interface CommandContext {
  /** Reads the configuration, once. Not read for commands that never call it (`--help`, `completion`, `init`). */
  config: () => Promise<Config>;
  /** Reads the configuration anew. */
  loadConfig: () => Promise<Config>;
  /** Where the configuration's references to secrets are looked up. */
  secrets: SecretSource;
  /** Calls back on SIGHUP, until it is disposed of. */
  onReload: (listener: () => void) => Disposable;
  reporter: Reporter;
  /** Fires on SIGINT, SIGTERM and nothing else. */
  signal: AbortSignal;
  environment: Readonly<Record<string, string | undefined>>;
  workingDirectory: string;
  /** The current time in milliseconds since the epoch. */
  now: () => number;
  /** Asks the person at the terminal for one line; undefined where there is no terminal. */
  ask: ((question: string) => Promise<string>) | undefined;
  /** What stdout can show. */
  display: Display;
  /** Bytes for stdout that are too many to return (`export`). */
  stdout: NodeJS.WritableStream;
  json: boolean;
}

/** What a command came to. */
export interface CommandResult {
  exit: ExitName;
  /** One JSON document: stdout with `--json`. */
  data: unknown;
  /** For people: stdout otherwise. Without a final newline; empty prints nothing. */
  text: string;
  /** In place of the exit's own number, for callers that have a convention of theirs (`check --nagios`). */
  exitCode?: number;
}

/** One command: its options, and what it does. One file each under `commands/`. */
export interface Command<Options = unknown> {
  /** Adds positionals and options. */
  options(yargs: Argv): Argv<Options>;
  run(options: Options, context: CommandContext): Promise<CommandResult>;
  /** The exit codes its help shows, besides `done`, `failed` and `usage`. */
  exits: readonly ExitName[];
  /** `[command line, what it does]`, shown in its help. */
  examples: readonly (readonly [string, string])[];
}

/** A command in the list of all of them, which knows nothing of each one's options. */
export interface AnyCommand extends Omit<Command, "options" | "run"> {
  options(yargs: Argv): unknown;
  /** With what `options` made the parser yield, and nothing else. */
  run(options: never, context: CommandContext): Promise<CommandResult>;
}
