import { readFile } from "node:fs/promises";

export interface MemorySample {
  /** Milliseconds since the epoch. */
  at: number;
  /** Resident bytes. */
  bytes: number;
}

/** Resident bytes of a process; undefined where it is gone. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

const MINUTE = 60_000;

/**
 * Bytes a minute by which memory grows, by least squares over the lowest sample of each minute: what a collection leaves, not what
 * waits for one. Undefined for less than three minutes. Pure.
 */
export function growthOf(samples: readonly MemorySample[]): number | undefined {
  const lows = lowestOfEachMinute(samples);
  if (lows.length < 3) return undefined;
  const meanX = mean(lows.map(({ minute }) => minute));
  const meanY = mean(lows.map(({ bytes }) => bytes));
  const over = lows.reduce((sum, { minute, bytes }) => sum + (minute - meanX) * (bytes - meanY), 0);
  const under = lows.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0);
  return over / under;
}

/** Whole minutes since the first sample, each with the least bytes seen in it. */
export function lowestOfEachMinute(samples: readonly MemorySample[]): { minute: number; bytes: number }[] {
  const first = samples[0]?.at ?? 0;
  const lows = new Map<number, number>();
  for (const { at, bytes } of samples) {
    const minute = Math.floor((at - first) / MINUTE);
    lows.set(minute, Math.min(lows.get(minute) ?? Infinity, bytes));
  }
  return [...lows].map(([minute, bytes]) => ({ minute, bytes }));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
