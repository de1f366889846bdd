import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

/** What one run of one contender came to. */
export interface Measurement {
  /** Wall time. */
  seconds: number;
  /** The process's peak resident memory, without its children's; undefined where it was not looked at. */
  peakBytes: number | undefined;
}

export interface Program {
  command: string;
  args: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  folder?: string;
}

const SAMPLE_INTERVAL = 20;
const KEPT_OUTPUT = 4000;

/** Runs a program to its end. @throws Error with the end of what it said, where that is not with 0 */
export async function measure({ command, args, environment, folder }: Program): Promise<Measurement> {
  const started = performance.now();
  const child = spawn(command, args, { cwd: folder, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  let peakBytes = 0;
  const sample = async (): Promise<void> => {
    peakBytes = Math.max(peakBytes, await highWaterMark(child.pid));
  };
  const timer = setInterval(() => void sample(), SAMPLE_INTERVAL);
  try {
    await once(child, "exit");
  } finally {
    clearInterval(timer);
  }
  const seconds = (performance.now() - started) / 1000;
  if (child.exitCode !== 0) {
    throw new Error(
      `\`${[command, ...args].join(" ")}\` ended with ${child.exitCode ?? child.signalCode}:\n${output}`,
    );
  }
  return { seconds, peakBytes: peakBytes === 0 ? undefined : peakBytes };
}

/** `VmHWM` never falls, so the last sample before the end has the peak. 0 where there is no /proc, or no process any more. */
async function highWaterMark(pid: number | undefined): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
