import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { watchMemory } from "./memory.ts";

/** What one run of one contender came to. */
export interface Measurement {
  /** Wall time. */
  seconds: number;
  /** The last program's own peak resident memory; undefined where it was not looked at. */
  peakBytes: number | undefined;
  /** The most that all programs and their children held at one moment, as samples saw it; pages they share count for each. */
  treePeakBytes: number | undefined;
}

export interface Program {
  command: string;
  args: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  folder?: string;
}

const KEPT_OUTPUT = 4000;

/** Runs a program to its end. @throws Error with the end of what it said, where that is not with 0 */
export function measure(program: Program): Promise<Measurement> {
  return measurePipeline([program]);
}

/**
 * Runs programs to their ends, each one's stdout being the next one's stdin, with nothing of ours between them.
 *
 * @param file where the last one's stdout goes; it is kept for messages otherwise
 * @throws Error with the end of what they said, where not all end with 0
 */
export async function measurePipeline(programs: readonly Program[], file?: string): Promise<Measurement> {
  await using output = file === undefined ? undefined : await open(file, "w");
  const started = performance.now();
  const children: ChildProcess[] = [];
  const said: string[] = [];
  for (const [index, { command, args, environment, folder }] of programs.entries()) {
    const upstream = children.at(-1)?.stdout;
    const isLast = index === programs.length - 1;
    const child = spawn(command, args, {
      cwd: folder,
      env: environment,
      stdio: [upstream ?? "ignore", isLast && output !== undefined ? output.fd : "pipe", "pipe"],
    });
    // Only the two programs hold the pipe now: the end of one is the end of input, or a broken pipe, for the other.
    upstream?.destroy();
    children.push(child);
    for (const stream of [child.stderr, isLast ? child.stdout : undefined]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said[index] = ((said[index] ?? "") + text).slice(-KEPT_OUTPUT);
      });
    }
  }
  const memory = watchMemory(children.map(({ pid }) => pid));
  try {
    await Promise.all(children.map((child) => once(child, "exit")));
  } finally {
    memory.stop();
  }
  const seconds = (performance.now() - started) / 1000;
  for (const [index, { exitCode, signalCode }] of children.entries()) {
    if (exitCode === 0) continue;
    const { command, args } = programs[index] ?? { command: "?", args: [] };
    throw new Error(
      `\`${[command, ...args].join(" ")}\` ended with ${exitCode ?? signalCode}:\n${said.join("\n")}`,
    );
  }
  return { seconds, ...memory.peaks() };
}

/** NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
