import { toolFailure, type RunningTool } from "./tools.ts";

/**
 * What a program writes, whose end is only seen once the program has exited with 0.
 *
 * A program that fails closes its output like one that succeeds: whoever reads the pipe alone takes half a dump for a
 * whole one. Here the end is held back until the exit code is known, and a failure is thrown instead of it.
 * A reader that stops early ends the program.
 *
 * @throws DataopsError as `toolFailure` makes it; after an abort: the signal's reason
 */
export async function* exitGate(running: RunningTool): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const stdout: AsyncIterable<Uint8Array> = running.stdout;
    yield* stdout;
    await requireSuccess(running);
  } finally {
    await running.kill();
  }
}

/** Waits for the program to end, and fails unless it ended with 0. For programs whose output nobody reads. */
export async function requireSuccess(running: RunningTool): Promise<void> {
  const exit = await running.exited;
  running.signal?.throwIfAborted();
  if (exit.code !== 0) throw toolFailure(running.tool, exit);
}
