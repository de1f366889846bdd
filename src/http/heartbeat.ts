import { inTime } from "../in-time.ts";
import { jsonAnswer } from "./json-answer.ts";
import type { Route } from "./server.ts";
import { sharedAnswer } from "./shared-answer.ts";

/** Something outside that has to be reached. */
export interface HeartbeatCheck {
  /** `storage`, `database production`, `search main`. Everybody may read it. */
  name: string;
  /** Throws where it cannot be reached. Why is told to the log, and not to those who ask. */
  check: (signal: AbortSignal) => Promise<void>;
}

export interface HeartbeatOptions {
  checks: readonly HeartbeatCheck[];
  /** What `/__version__` shows. */
  version: object;
  /** The current time in milliseconds since the epoch. */
  now: () => number;
  onProblem: (name: string, error: unknown) => void;
  /** Milliseconds that each check may take; it has to be less than an answer may. */
  patience?: number | undefined;
  /** Milliseconds that what was found is good for: anybody may ask, and nobody shall make us busy by it. */
  keep?: number | undefined;
}

const PATIENCE = 5_000;
const KEEP = 5_000;

/** Dockerflow's three paths, as load balancers and schedulers of containers ask for them: without credentials. */
export function heartbeatRoutes(options: HeartbeatOptions): Route[] {
  const { version, keep = KEEP, now } = options;
  const heartbeat = sharedAnswer(() => runChecks(options), keep, now);
  return [
    {
      path: "/__heartbeat__",
      isOpen: true,
      answer: async () => {
        const checks = await heartbeat();
        const isWell = Object.values(checks).every((state) => state === "ok");
        return jsonAnswer(isWell ? 200 : 503, { status: isWell ? "ok" : "error", checks });
      },
    },
    {
      path: "/__lbheartbeat__",
      isOpen: true,
      answer: async () => jsonAnswer(200, { status: "ok" }),
    },
    { path: "/__version__", isOpen: true, answer: async () => jsonAnswer(200, version) },
  ];
}

/** Asks all at the same time, and none for too long. Never throws. */
async function runChecks({
  checks,
  onProblem,
  patience = PATIENCE,
}: HeartbeatOptions): Promise<Record<string, "ok" | "error">> {
  const states = await Promise.all(
    checks.map(async ({ name, check }): Promise<[string, "ok" | "error"]> => {
      try {
        await inTime(patience, check);
        return [name, "ok"];
      } catch (error) {
        onProblem(name, error);
        return [name, "error"];
      }
    }),
  );
  return Object.fromEntries(states);
}
