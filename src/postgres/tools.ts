import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";
import type { ConnectionSettings } from "../config/connection.ts";
import { DataopsError, type ExitName } from "../errors.ts";
import { environmentForTools, renderForTools } from "./settings-for-tools.ts";
import type { Environment } from "../config/environment.ts";
import { writePassfile, type TemporaryPassfile } from "./tool-passfile.ts";

export {
  chooseDumpClient,
  chooseRestoreClient,
  majorOf,
  meetsSecurityFloor,
  SECURITY_FLOORS,
} from "./tool-choice.ts";
export { discoverTools, type InstalledTools } from "./tool-discovery.ts";

/** Milliseconds between the request to end and the end by force. */
const KILL_DELAY = 5_000;
/** Milliseconds that what was said last may still take to arrive after the program ended. */
const STDERR_DELAY = 1_000;
/** Lines of stderr that are kept for the error message. */
const STDERR_LINES = 20;

/** A PostgreSQL program of one installation: `{ ...installed, program: "pg_dump" }`. */
export interface Tool {
  program: "pg_dump" | "pg_restore" | "psql";
  directory: string;
}

export interface SpawnOptions {
  /** Which database the program connects to; none for programs that only read a file. */
  settings?: ConnectionSettings | undefined;
  /** What `pg_stat_activity` shows: `dataops:<run id>`. */
  applicationName?: string | undefined;
  /** SIGTERM when it fires, SIGKILL 5 s later. */
  signal?: AbortSignal | undefined;
  stdin?: "pipe" | "ignore" | undefined;
  /** Each line that the program says, as it says it. */
  onStderrLine?: ((line: string) => void) | undefined;
  /** What `PATH`, `HOME` and the like are taken from; the process's own by default. */
  environment?: Environment | undefined;
  /** Settings of the program's sessions on the server: `{ synchronous_commit: "off" }`. Plain words only. */
  serverSettings?: Readonly<Record<string, string>> | undefined;
}

/** How a program ended. */
export interface ToolExit {
  /** Null where a signal ended it, or where it never started. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines of stderr. */
  stderr: readonly string[];
  /** Why it could not be started. */
  startError: Error | undefined;
}

/** A program that runs. Its stdout must be read, or it waits. */
export interface RunningTool {
  readonly tool: Tool;
  readonly stdout: Readable;
  /** Undefined unless `stdin: "pipe"` was asked for. A broken pipe is not an error here: `exited` tells why. */
  readonly stdin: Writable | undefined;
  /** Resolves when the program has ended, however; never rejects. */
  readonly exited: Promise<ToolExit>;
  readonly signal: AbortSignal | undefined;
  /** SIGTERM, and SIGKILL to it and its workers 5 s later. Safe to call at any time; resolves when it has ended. */
  kill(): Promise<ToolExit>;
}

/**
 * Starts a PostgreSQL program with an argument list, and an environment made for it: no `PG*` variable is inherited, the
 * password goes through a passfile that is removed when the program ends.
 *
 * @throws DataopsError `usage` where the password cannot be put into a passfile; the signal's reason after an abort
 */
export function spawnTool(tool: Tool, args: readonly string[], options: SpawnOptions = {}): RunningTool {
  const { signal, settings } = options;
  signal?.throwIfAborted();
  const inherited = options.environment ?? process.env;
  const rendered = settings === undefined ? undefined : renderForTools(settings);
  const passfile = rendered?.passfile === undefined ? undefined : writePassfile(rendered.passfile);
  const own: Record<string, string> = { ...rendered?.env };
  const passfilePath = passfile?.path ?? (settings === undefined ? undefined : inherited["PGPASSFILE"]);
  if (passfilePath !== undefined) own["PGPASSFILE"] = passfilePath;
  if (options.applicationName !== undefined) own["PGAPPNAME"] = options.applicationName;
  const serverSettings = Object.entries(options.serverSettings ?? {});
  if (serverSettings.length > 0) {
    own["PGOPTIONS"] = serverSettings.map(([name, value]) => `-c ${name}=${value}`).join(" ");
  }
  const child = spawn(join(tool.directory, tool.program), [...args], {
    env: environmentForTools(inherited, own),
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"],
    // Away from the terminal: Ctrl-C comes to us, who end it in order, and no program can ask there for a password.
    detached: true,
  });
  return superviseTool(tool, child, passfile, options);
}

function superviseTool(
  tool: Tool,
  child: ChildProcess,
  passfile: TemporaryPassfile | undefined,
  { signal, onStderrLine }: SpawnOptions,
): RunningTool {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("a program was started without pipes");
  // A program that ends early breaks the pipe; how it ended says more than EPIPE.
  child.stdin?.on("error", () => undefined);

  const said: string[] = [];
  const stderrEnd = Promise.withResolvers<void>();
  createInterface({ input: stderr })
    .on("line", (line) => {
      said.push(line);
      if (said.length > STDERR_LINES) said.shift();
      onStderrLine?.(line);
    })
    .once("close", stderrEnd.resolve);

  const ended = endOf(child);
  const kill = (): Promise<ToolExit> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => killGroup(child), KILL_DELAY);
      void ended.then(() => clearTimeout(timer));
    }
    return exited;
  };
  const abort = (): void => void kill();
  signal?.addEventListener("abort", abort, { once: true });

  const exited = ended.then(async (end): Promise<ToolExit> => {
    signal?.removeEventListener("abort", abort);
    passfile?.remove();
    // A worker process that outlives it may hold stderr open: do not wait for that.
    const timer = setTimeout(stderrEnd.resolve, STDERR_DELAY);
    await stderrEnd.promise;
    clearTimeout(timer);
    return { ...end, stderr: said };
  });
  return { tool, stdout, stdin: child.stdin ?? undefined, exited, signal, kill };
}

/** The program and its workers: those of `pg_restore --jobs` would live on without it. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // They were faster.
  }
}

function endOf(child: ChildProcess): Promise<Omit<ToolExit, "stderr">> {
  return new Promise((resolve) => {
    child.once("error", (startError) => resolve({ code: null, signal: null, startError }));
    child.once("exit", (code, signal) => resolve({ code, signal, startError: undefined }));
  });
}

/** What a program says when it could not connect, and what that means. */
const CONNECTION_FAILURES: readonly (readonly [RegExp, ExitName])[] = [
  [
    /password authentication failed|no password supplied|no pg_hba\.conf entry|role ".*" does not exist/,
    "notPermitted",
  ],
  [/permission denied/, "notPermitted"],
  [/could not connect to server|connection to server .* failed/, "unreachable"],
];

/** The error of a program that ended with other than 0. Not for one that was ended on our own request. */
export function toolFailure(tool: Tool, exit: ToolExit): DataopsError {
  if (exit.startError !== undefined) {
    return new DataopsError("tool", `${tool.program} could not be started: ${exit.startError.message}`, {
      hint: `is ${tool.directory} a PostgreSQL installation for this machine?`,
      cause: exit.startError,
    });
  }
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const why = firstFailure(tool, exit.stderr) ?? "it did not say why";
  const name = CONNECTION_FAILURES.find(([pattern]) => pattern.test(why))?.[1] ?? "failed";
  return new DataopsError(name, `${tool.program} failed (${how}): ${why}`);
}

/** The line that says what went wrong: the first marked as an error, else the last of all. */
function firstFailure(tool: Tool, stderr: readonly string[]): string | undefined {
  const marked = stderr.find((line) => /^\S+: (error|fatal): /i.test(line));
  return (marked ?? stderr.at(-1))?.replace(`${tool.program}: error: `, "");
}
