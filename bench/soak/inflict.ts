import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { crashServer, restartServer } from "./database-server.ts";
import type { Fault } from "./faults.ts";
import { untilAtWork, type Replica } from "./replica.ts";
import type { Stage } from "./stage.ts";
import type { Tasks } from "./tasks.ts";

/** Paths that are there, and one that is not. */
const FLOODED = ["/", "/metrics", "/freshness", "/__heartbeat__", "/nothing"];

export interface Cast {
  stage: Stage;
  /** Lives from the beginning to the end. */
  steady: Replica;
  /** Is ended and started anew. */
  mortal: Replica;
  tasks: Tasks;
  /** Ends waits for a run to be at work. */
  stop: AbortSignal;
}

/** Has a fault happen, and resolves when it is over. */
export async function inflict({ kind, lasts }: Fault, cast: Cast): Promise<void> {
  const { stage, steady, mortal, tasks, stop } = cast;
  const pause = (): Promise<void> => delay(lasts);
  switch (kind) {
    case "storage-refuses":
    case "storage-silent":
      stage.gate.set(kind === "storage-refuses" ? "refuse" : "silent");
      await pause();
      stage.gate.set("open");
      return;
    case "database-restarts":
      return restartServer(stage.server, pause);
    case "database-crashes":
      return crashServer(stage.server);
    case "replica-killed":
    case "replica-terminated":
      await mortal.end(kind === "replica-killed" ? "SIGKILL" : "SIGTERM", stop);
      await pause();
      return mortal.start();
    case "bad-configuration":
      return steady.confuse(lasts);
    case "flood":
      return flood(steady);
    default:
      return killTask(tasks, stop);
  }
}

/** Whether the daemon still does its work shows in its slots; that it answers, in what is asked of it all the time. */
async function flood({ port }: Replica): Promise<void> {
  const silent = Array.from({ length: 200 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
  const asked = Array.from({ length: 1_000 }, async (_, number) => {
    const path = FLOODED[number % FLOODED.length] ?? "/";
    const method = number % 4 === 0 ? "POST" : "GET";
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      signal: AbortSignal.timeout(60_000),
    }).catch(() => undefined);
    await response?.text().catch(() => undefined);
  });
  await Promise.all(asked);
  for (const socket of silent) socket.destroy();
}

/** The next one-shot run that is at work. */
async function killTask(tasks: Tasks, stop: AbortSignal): Promise<void> {
  const deadline = performance.now() + 70_000;
  while (!stop.aborted && performance.now() < deadline) {
    const [task] = tasks.running();
    if (task !== undefined) {
      await untilAtWork(task.program, stop);
      if (!task.program.hasEnded()) {
        task.program.kill("SIGKILL");
        return;
      }
    }
    await delay(50);
  }
}
