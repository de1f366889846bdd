import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionSettings } from "../../config/connection.ts";
import type { Environment } from "../../config/environment.ts";
import { DataopsError } from "../../errors.ts";
import { currentPassword } from "../../postgres/fresh-password.ts";
import { commandEnvironment } from "./environment.ts";

/** Milliseconds between the request to end and the end by force. */
const KILL_DELAY = 5_000;
/** Milliseconds that what was said last may still take to arrive. */
const OUTPUT_DELAY = 1_000;

export interface CommandRequest {
  /** Of the step, for messages. */
  name: string;
  /** An absolute path and its arguments; no shell reads them. */
  command: readonly string[];
  folder: string;
  settings: ConnectionSettings;
  actAs: string | undefined;
  environment: Environment;
  signal: AbortSignal;
  /** Each line of its stdout and stderr. */
  onLine: (line: string) => void;
}

/**
 * Runs a program of the team's with the scratch database in its environment.
 *
 * @throws DataopsError `failed` where it ends with other than 0; after an abort, when it has ended: the signal's reason
 */
export async function runCommand(request: CommandRequest): Promise<void> {
  const { name, command, folder, settings, signal } = request;
  const [program, ...args] = command;
  if (program === undefined) throw new RangeError("a command has a program");
  const password = await currentPassword(settings, request.environment, signal);
  signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd: folder,
    env: commandEnvironment(request.environment, { settings, password, actAs: request.actAs }),
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that what it starts ends with it.
    detached: true,
  });
  let last: string | undefined;
  const keep = (line: string): void => {
    last = line;
    request.onLine(line);
  };
  const said = [child.stdout, child.stderr].map((stream) => readLines(stream, keep));
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    killGroup(child, "SIGTERM");
    timer = setTimeout(() => killGroup(child, "SIGKILL"), KILL_DELAY);
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    const how = await endOf(child);
    // What it left running would be in the way of the swap, and has no business in the database any more.
    killGroup(child, "SIGKILL");
    signal.throwIfAborted();
    await Promise.race([Promise.all(said), sleep(OUTPUT_DELAY, undefined, { ref: false })]);
    if (how === undefined) return;
    throw new DataopsError("failed", `${name} failed (${how})${last === undefined ? "" : `: ${last}`}`, {
      hint: "correct it and run again; nothing was replaced",
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** How it failed; undefined where it did not. */
function endOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  });
}

function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    createInterface({ input: stream }).on("line", onLine).once("close", resolve);
  });
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All of them have ended.
  }
}
