import { messageOf } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";

/** Milliseconds until the same problem is worth another line: who asks, asks every few seconds. */
const REPEAT_AFTER = 5 * 60_000;

/** Tells of what could not be reached, and not each time anew. `now` is in milliseconds since the epoch. */
export function problemLog(
  reporter: Pick<Reporter, "warn">,
  now: () => number,
): (name: string, error: unknown) => void {
  const told = new Map<string, { message: string; at: number }>();
  return (name, error) => {
    const message = messageOf(error);
    const last = told.get(name);
    if (last?.message === message && Math.abs(now() - last.at) < REPEAT_AFTER) return;
    told.set(name, { message, at: now() });
    reporter.warn(`${name} cannot be reached: ${message}`);
  };
}
