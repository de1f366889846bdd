import { createInterface } from "node:readline/promises";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/config.ts";
import { EXIT_CODES } from "../errors.ts";
import { jsonReporter } from "../observe/json-reporter.ts";
import { lineReporter } from "../observe/line-reporter.ts";
import { quietReporter, type Reporter } from "../observe/reporter.ts";
import { terminalReporter } from "../observe/terminal-reporter.ts";
import type { CommandContext, CommandResult } from "./command.ts";
import { renderError, renderResult, type Output } from "./output.ts";
import { findCommand, parseCommand, type GlobalOptions } from "./parse.ts";
import { interruptible } from "./signals.ts";

/** Runs a command line, prints what it came to, and ends the process with its exit code. */
export async function execute(args: readonly string[], process: NodeJS.Process): Promise<never> {
  // The reader of a pipe may leave (`dataops list | head`): nobody is there to be told.
  process.stdout.on("error", () => process.exit(EXIT_CODES.done.code));
  process.stderr.on("error", () => undefined);
  using interruption = interruptible(process);
  const { output, exitCode } = await runToOutput(args, process, interruption.signal);
  await write(process.stderr, output.stderr);
  await write(process.stdout, output.stdout);
  return process.exit(exitCode);
}

async function runToOutput(
  args: readonly string[],
  process: NodeJS.Process,
  signal: AbortSignal,
): Promise<{ output: Output; exitCode: number }> {
  let json = args.includes("--json");
  try {
    const entry = findCommand(args);
    if (entry === undefined) {
      const { overview } = await import("./help.ts");
      // Without a command there is nothing to do: in a script, that is a mistake.
      return { output: { stdout: "", stderr: `${overview()}\n` }, exitCode: EXIT_CODES.usage.code };
    }
    const invocation = await parseCommand(entry, args);
    if (invocation.kind === "text")
      return { output: { stdout: `${invocation.text}\n`, stderr: "" }, exitCode: 0 };
    const { command, options, global } = invocation;
    json = global.json;
    const result: CommandResult = await command.run(options, contextFor(global, process, signal));
    return { output: renderResult(result, json), exitCode: EXIT_CODES[result.exit].code };
  } catch (error) {
    // Whatever broke when everything was told to end: that it was told is what counts.
    const reason: unknown = signal.aborted ? signal.reason : error;
    return renderError(reason, json);
  }
}

function contextFor(global: GlobalOptions, process: NodeJS.Process, signal: AbortSignal): CommandContext {
  const { env: environment, stdin, stderr, stdout } = process;
  const workingDirectory = process.cwd();
  let config: Promise<Config> | undefined;
  const isInteractive = stdin.isTTY && stderr.isTTY && !global.json;
  return {
    config: () => (config ??= loadConfig({ file: global.config, environment, workingDirectory })),
    reporter: reporterFor(global, process),
    signal,
    environment,
    workingDirectory,
    now: () => Date.now(),
    ask: isInteractive ? (question) => ask(question, process, signal) : undefined,
    stdout,
    json: global.json,
  };
}

function reporterFor(global: GlobalOptions, { stderr, env }: NodeJS.Process): Reporter {
  const write = (line: string): void => void stderr.write(`${line}\n`);
  const now = (): number => Date.now();
  if (global.json) return jsonReporter(write, now);
  const colored = global.color && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const reporter = stderr.isTTY
    ? terminalReporter({ stream: stderr, color: colored, now })
    : lineReporter(write, now);
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
