import { createInterface } from "node:readline/promises";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/config.ts";
import { DataopsError, EXIT_CODES } from "../errors.ts";
import { displayOf } from "../observe/display.ts";
import { jsonReporter } from "../observe/json-reporter.ts";
import { lineReporter } from "../observe/line-reporter.ts";
import { quietReporter, type Reporter } from "../observe/reporter.ts";
import { terminalReporter } from "../observe/terminal-reporter.ts";
import { secretSource } from "../secrets/secret-source.ts";
import { version } from "../version.ts";
import type { CommandContext, CommandResult } from "./command.ts";
import { overview } from "./help.ts";
import { renderError, renderResult, type Output } from "./output.ts";
import { asksForJson, findCommand, parseCommand, parseWithoutCommand, type GlobalOptions } from "./parse.ts";
import { interruptible, onHangup } from "./signals.ts";

/** Runs a command line, prints what it came to, and ends the process with its exit code. */
export async function execute(args: readonly string[], process: NodeJS.Process): Promise<never> {
  // The reader of a pipe may leave (`dataops list | head`): nobody is there to be told, and the exit code stays what it is.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  using interruption = interruptible(process);
  // `dataops help list` is `dataops list --help`.
  const plain = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  const { output, exitCode } = await runToOutput(plain, process, interruption.signal);
  await write(process.stderr, output.stderr);
  await write(process.stdout, output.stdout);
  return process.exit(exitCode);
}

async function runToOutput(
  args: readonly string[],
  process: NodeJS.Process,
  signal: AbortSignal,
): Promise<{ output: Output; exitCode: number }> {
  let json = asksForJson(args);
  try {
    const entry = findCommand(args);
    if (entry === undefined) return withoutCommand(args, json);
    const invocation = await parseCommand(entry, args);
    if (invocation.kind === "text") return told({ help: invocation.text }, invocation.text, json);
    const { command, options, global } = invocation;
    json = global.json;
    const result: CommandResult = await command.run(options, contextFor(global, process, signal));
    return { output: renderResult(result, json), exitCode: result.exitCode ?? EXIT_CODES[result.exit].code };
  } catch (error) {
    // Whatever broke when everything was told to end: that it was told is what counts.
    const reason: unknown = signal.aborted ? signal.reason : error;
    return renderError(reason, json);
  }
}

/** `--help`, `--version`, or a mistake: in a script, to do nothing is one. */
function withoutCommand(args: readonly string[], json: boolean): { output: Output; exitCode: number } {
  const wanted = parseWithoutCommand(args);
  if (wanted === "version") return told({ version }, version, json);
  if (wanted === "help") return told({ help: overview() }, overview(), json);
  const error = new DataopsError("usage", "no command is named", { hint: "`dataops --help` lists them" });
  const rendered = renderError(error, json);
  // For a person who types `dataops` to see what it does.
  const { stdout, stderr } = rendered.output;
  return json ? rendered : { ...rendered, output: { stdout, stderr: `${overview()}\n\n${stderr}` } };
}

function told(data: unknown, text: string, json: boolean): { output: Output; exitCode: number } {
  return { output: renderResult({ exit: "done", data, text }, json), exitCode: EXIT_CODES.done.code };
}

function contextFor(global: GlobalOptions, process: NodeJS.Process, signal: AbortSignal): CommandContext {
  const { env: environment, stdin, stderr, stdout } = process;
  const workingDirectory = process.cwd();
  let config: Promise<Config> | undefined;
  const isInteractive = stdin.isTTY && stderr.isTTY && !global.json;
  const secrets = secretSource({ environment, now: () => Date.now() });
  const load = (): Promise<Config> =>
    loadConfig({ file: global.config, environment, workingDirectory, secrets });
  return {
    config: () => (config ??= load()),
    loadConfig: load,
    secrets,
    onReload: (listener) => onHangup(process, listener),
    reporter: reporterFor(global, process),
    signal,
    environment,
    workingDirectory,
    now: () => Date.now(),
    ask: isInteractive ? (question) => ask(question, process, signal) : undefined,
    display: displayOf(stdout, environment, global.color),
    stdout,
    json: global.json,
  };
}

function reporterFor(global: GlobalOptions, { stderr, env }: NodeJS.Process): Reporter {
  const write = (line: string): void => void stderr.write(`${line}\n`);
  const now = (): number => Date.now();
  const colored = global.color && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const forPeople = (): Reporter =>
    stderr.isTTY ? terminalReporter({ stream: stderr, color: colored, now }) : lineReporter(write, now);
  const reporter = global.json ? jsonReporter(write, now) : forPeople();
  return global.quiet ? quietReporter(reporter) : reporter;
}

async function ask(
  question: string,
  { stdin, stderr }: NodeJS.Process,
  signal: AbortSignal,
): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr });
  // Readline takes Ctrl-C for itself; it shall end the program as it always does.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await lines.question(question, { signal });
  } catch (error) {
    // Ctrl-D, with a message of readline's own.
    if (!(error instanceof Error) || error.name !== "AbortError" || signal.aborted) throw error;
    throw new DataopsError("interrupted", "the question was left unanswered", { cause: error });
  } finally {
    lines.close();
  }
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (text === "") resolve();
    else stream.write(text, () => resolve());
  });
}
