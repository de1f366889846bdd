import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";

/**
 * The program that end-to-end tests start, and where Node keeps it compiled; otherwise that is in `HOME`, where no run would find
 * what another one left.
 */
export function builtProgram(): { program: string; compileCache: string } {
  const folder = inject("programFolder");
  return { program: join(folder, "dist", "cli.js"), compileCache: join(folder, "compiled") };
}

/** Milliseconds between two looks at a condition. */
const POLL_INTERVAL = 20;
/** Milliseconds after which a condition counts as never met, and a process as never ended. */
const PATIENCE = 120_000;

export interface DataopsOptions {
  /** Its whole environment, but for `PATH`, `HOME`, `TMPDIR` and Node's cache, which it gets unless they are given. */
  environment: Readonly<Record<string, string>>;
  /** Written into its folder as `dataops.config.yaml`. */
  config?: Readonly<Record<string, unknown>> | undefined;
}

/** How a run of the program ended. */
export interface DataopsExit {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Milliseconds that it ran. */
  took: number;
  /** The one JSON document on stdout; throws where there is none, or more than one. */
  json(): unknown;
}

/** A run of the program, in an empty folder of its own. Disposing of it ends it, if need be by force. */
export interface DataopsProcess extends AsyncDisposable {
  pid: number;
  /** What it has said so far. */
  stderr(): string;
  /** Where its temporary files go: a folder that nobody else uses. */
  temporary: string;
  exited: Promise<DataopsExit>;
  kill(signal: NodeJS.Signals): void;
  /** Waits until the condition holds, while the program runs; throws with its output where it ends before. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

/** Starts `dataops` as a process, whose environment holds nothing of the tests' own. */
export async function startDataops(
  args: readonly string[],
  { environment, config }: DataopsOptions,
): Promise<DataopsProcess> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-run-"));
  const [home, temporary] = [join(folder, "home"), join(folder, "tmp")];
  await mkdir(home);
  await mkdir(temporary);
  // JSON is YAML, too.
  if (config !== undefined) await writeFile(join(home, "dataops.config.yaml"), JSON.stringify(config));

  const { program, compileCache } = builtProgram();
  const started = performance.now();
  const child = spawn(process.execPath, [program, ...args], {
    cwd: home,
    env: {
      PATH: process.env["PATH"],
      HOME: home,
      TMPDIR: temporary,
      NODE_COMPILE_CACHE: compileCache,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const overdue = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const exited = once(child, "close").then((): DataopsExit => {
    clearTimeout(overdue);
    const { exitCode: code, signalCode: signal } = child;
    const took = performance.now() - started;
    return { code, signal, took, ...output, json: () => JSON.parse(output.stdout) as unknown };
  });
  await once(child, "spawn");

  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    stderr: () => output.stderr,
    temporary,
    exited,
    kill: (signal) => void child.kill(signal),
    until: async (what, condition) => {
      const deadline = performance.now() + PATIENCE;
      while (!(await condition())) {
        if (hasEnded()) throw new Error(`the program ended before ${what}: ${output.stdout}${output.stderr}`);
        if (performance.now() > deadline) throw new Error(`it never came to this: ${what}`);
        await sleep(POLL_INTERVAL);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!hasEnded()) child.kill("SIGKILL");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
