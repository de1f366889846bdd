import { setTimeout as delay } from "node:timers/promises";
import { heapInUse } from "./heap.ts";
import { residentBytes, type MemorySample } from "./memory.ts";
import type { Line, Program } from "./program.ts";
import type { Replica } from "./replica.ts";

/** What was seen of the replicas while they ran. */
export interface Watched {
  /** By process id. */
  memory: Map<number, MemorySample[]>;
  /** The same of the heap, each time after all that is not in use was collected. */
  heaps: Map<number, MemorySample[]>;
  /** Answers by path and status: `/freshness 503`. */
  answers: Map<string, number>;
  /** Milliseconds that the slowest answer took. */
  slowest: { took: number; path: string };
}

const PATHS = ["/", "/freshness", "/metrics", "/__heartbeat__", "/__lbheartbeat__", "/__version__"];

/** Milliseconds. */
const INTERVAL = 2_000;

/** How many rounds there are for each look into the heap: rare, as it stops the program; often enough to meet it at rest. */
const HEAP_ROUNDS = 3;

/** Looks at the replicas' memory and their answers until `stop` fires. */
export async function watchReplicas(replicas: readonly Replica[], stop: AbortSignal): Promise<Watched> {
  const watched: Watched = {
    memory: new Map(),
    heaps: new Map(),
    answers: new Map(),
    slowest: { took: 0, path: "" },
  };
  for (let round = 0; !stop.aborted; round += 1) {
    for (const replica of replicas) {
      const program = replica.current();
      if (program.hasEnded()) continue;
      const bytes = await residentBytes(program.pid);
      note(watched.memory, program.pid, bytes);
      if (round % HEAP_ROUNDS === 0) note(watched.heaps, program.pid, await heapInUse(replica.inspector));
      await ask(replica, PATHS[round % PATHS.length] ?? "/", watched);
    }
    await delay(INTERVAL, undefined, { signal: stop }).catch(() => undefined);
  }
  return watched;
}

function note(samples: Map<number, MemorySample[]>, pid: number, bytes: number | undefined): void {
  if (bytes === undefined) return;
  const own = samples.get(pid) ?? [];
  own.push({ at: Date.now(), bytes });
  samples.set(pid, own);
}

async function ask(replica: Replica, path: string, { answers, slowest }: Watched): Promise<void> {
  const before = servingSince(replica.current());
  const asked = performance.now();
  let status: string;
  try {
    const response = await fetch(`http://127.0.0.1:${replica.port}${path}`, {
      signal: AbortSignal.timeout(30_000),
    });
    await response.text();
    status = String(response.status);
  } catch {
    // One that starts, ends, or serves anew does not listen.
    const isServing = before !== undefined && servingSince(replica.current()) === before;
    status = isServing ? "none" : "away";
  }
  const took = performance.now() - asked;
  if (took > slowest.took) Object.assign(slowest, { took, path });
  const key = `${path} ${status}`;
  answers.set(key, (answers.get(key) ?? 0) + 1);
}

/** The line that said that it serves; undefined where it does not, as it starts, has ended, or reads its configuration. */
function servingSince(program: Program): Line | undefined {
  if (program.hasEnded()) return undefined;
  const last = program.lines.findLast(({ text }) =>
    /shows how things stand$|^the configuration was read anew$/.test(text),
  );
  return last?.text.startsWith("http") === true ? last : undefined;
}
