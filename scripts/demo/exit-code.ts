import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Waits until the program has ended and all it said is read. Null where a signal ended it. */
export async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  await once(child, "close");
  return child.exitCode;
}
