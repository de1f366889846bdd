import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stage } from "./stage.ts";

/** One line that the program said. */
export interface Line {
  /** Milliseconds since the epoch. */
  at: number;
  text: string;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A run of the program as a process. */
export interface Program {
  name: string;
  pid: number;
  /** All that it said on stderr so far. */
  lines: readonly Line[];
  /** Where its temporary files go. */
  temporary: string;
  ended: Promise<Ended>;
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Whether a program of its own is at work: it is in the middle of a run. */
  isAtWork(): Promise<boolean>;
}

/** Starts `dataops` with an environment that holds nothing of ours, and folders of its own. */
export async function startProgram(
  name: string,
  args: readonly string[],
  { folder, cli, environment }: Pick<Stage, "folder" | "cli" | "environment">,
): Promise<Program> {
  const home = join(folder, name);
  const temporary = join(home, "tmp");
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: home,
    env: {
      PATH: process.env["PATH"],
      HOME: home,
      TMPDIR: temporary,
      NODE_COMPILE_CACHE: join(folder, "compile-cache"),
      ...environment,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: Line[] = [];
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const whole = (rest + text).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) lines.push({ at: Date.now(), text: line });
  });
  const ended = once(child, "close").then((): Ended => {
    if (rest !== "") lines.push({ at: Date.now(), text: rest });
    return { code: child.exitCode, signal: child.signalCode };
  });
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  return {
    name,
    pid,
    lines,
    temporary,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => void child.kill(signal),
    isAtWork: async () => {
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
      return children.trim() !== "";
    },
  };
}
