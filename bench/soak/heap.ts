import { z } from "zod";

const targetsSchema = z.array(z.object({ webSocketDebuggerUrl: z.url() })).min(1);
const usageSchema = z.object({
  id: z.literal(2),
  result: z.object({ result: z.object({ value: z.number() }) }),
});

/** Said in the program: the code that V8 makes of busy functions grows with what was called how often, and is no leak. */
const DATA_IN_USE = `process.getBuiltinModule("node:v8").getHeapSpaceStatistics()
  .filter(({ space_name }) => !/^(code|trusted)_/.test(space_name))
  .reduce((sum, { space_used_size }) => sum + space_used_size, 0)`;

/** Milliseconds. */
const PATIENCE = 30_000;

/**
 * Bytes of a Node process's heap, without compiled code, that are in use after everything else was collected; undefined where
 * nobody answers at the inspector's port.
 */
export async function heapInUse(port: number): Promise<number | undefined> {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(`http://127.0.0.1:${port}/json/list`, { signal });
    const [target] = targetsSchema.parse(await response.json());
    return await askHeap(target?.webSocketDebuggerUrl ?? "", signal);
  } catch {
    return undefined;
  }
}

async function askHeap(url: string, signal: AbortSignal): Promise<number> {
  const socket = new WebSocket(url);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.addEventListener("error", () => reject(new Error("the inspector does not answer")));
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
    socket.send(JSON.stringify({ id: 2, method: "Runtime.evaluate", params: { expression: DATA_IN_USE } }));
  });
  socket.addEventListener("message", ({ data }) => {
    const usage = usageSchema.safeParse(JSON.parse(String(data)));
    if (usage.success) resolve(usage.data.result.result.value);
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.close();
  }
}
