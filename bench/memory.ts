import { readFile } from "node:fs/promises";

export interface MemoryPeaks {
  /** Bytes that the last of the watched processes held at most, without its children. Undefined where there is no /proc. */
  peakBytes: number | undefined;
  /** Bytes that the watched processes and all below them held at most at one moment. Undefined where there is no /proc. */
  treePeakBytes: number | undefined;
}

/** Milliseconds. */
const SAMPLE_INTERVAL = 25;

/** Looks at processes' memory until it is stopped. */
export function watchMemory(pids: readonly (number | undefined)[]): { stop(): void; peaks(): MemoryPeaks } {
  const roots = pids.filter((pid) => pid !== undefined);
  let [peak, treePeak] = [0, 0];
  let isSampling = false;
  const sample = async (): Promise<void> => {
    if (isSampling) return;
    isSampling = true;
    const last = roots.at(-1);
    // The high-water mark never falls, so the last sample before the end has the peak.
    if (last !== undefined) peak = Math.max(peak, await statusOf(last, "VmHWM"));
    treePeak = Math.max(treePeak, await treeBytes(roots));
    isSampling = false;
  };
  const timer = setInterval(() => void sample(), SAMPLE_INTERVAL);
  return {
    stop: () => clearInterval(timer),
    peaks: () => ({
      peakBytes: peak === 0 ? undefined : peak,
      treePeakBytes: treePeak === 0 ? undefined : treePeak,
    }),
  };
}

async function treeBytes(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => (await statusOf(pid, "VmRSS")) + (await treeBytes(await childrenOf(pid)))),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Bytes; 0 where there is no /proc, or no process any more. */
async function statusOf(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readProc(pid, "status");
  return Number(new RegExp(String.raw`^${field}:\s+(\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
}

async function childrenOf(pid: number): Promise<number[]> {
  const pids = await readProc(pid, `task/${pid}/children`);
  return pids.split(" ").filter(Boolean).map(Number);
}

async function readProc(pid: number, file: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
