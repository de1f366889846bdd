import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { exitCodeOf } from "./exit-code.ts";
import type { Screen } from "./screen.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

export interface DataopsOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** Where `dataops.config.yaml` is. */
  folder: string;
  screen: Screen;
  signal: AbortSignal;
}

/** Runs dataops as a process and shows it: the command, then each line as it comes. */
export async function runDataops(
  args: readonly string[],
  { environment, folder, screen, signal }: DataopsOptions,
  expected: { exit: number; shownAs?: string } = { exit: 0 },
): Promise<void> {
  signal.throwIfAborted();
  screen.command(expected.shownAs ?? ["dataops", ...args].join(" "));
  const started = performance.now();
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  // It lets go of its own children, sessions and uploads before it ends; so it is asked, and waited for.
  const stop = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  createInterface(child.stdout).on("line", (line) => screen.said(line, "stdout"));
  createInterface(child.stderr).on("line", (line) => screen.said(line, "stderr"));
  const code = await exitCodeOf(child);
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  screen.note(`exit code ${code}, ${seconds} s`);
  if (code !== expected.exit) {
    throw new Error(
      `\`dataops ${args.join(" ")}\` ended with ${code}, where the demo expects ${expected.exit}`,
    );
  }
}
