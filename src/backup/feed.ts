import { once } from "node:events";
import type { Writable } from "node:stream";
import { DataopsError } from "../errors.ts";
import type { RunningTool } from "../postgres/tools.ts";

/** The standard input of a program that was started with one. */
export function stdinOf({ stdin, tool }: RunningTool): Writable {
  if (stdin === undefined) throw new Error(`${tool.program} was started without a pipe`);
  return stdin;
}

/**
 * Writes a chunk to a program's standard input, and waits until it takes more.
 *
 * @returns whether it still reads; false where it has closed its input or ended
 */
export async function feed(reader: RunningTool, chunk: Uint8Array): Promise<boolean> {
  const stdin = stdinOf(reader);
  if (!stdin.write(chunk)) await drained(stdin, reader);
  return stdin.writable;
}

/** Resolves when the reader takes bytes again, or is gone; then the pipe is no longer writable. */
async function drained(stdin: Writable, reader: RunningTool): Promise<void> {
  const settled = new AbortController();
  const takesMore = once(stdin, "drain", { signal: settled.signal }).catch(() => undefined);
  await Promise.race([takesMore, reader.exited.then(() => stdin.destroy())]);
  settled.abort();
}

/** The error of an archive that a `pg_restore` could not read; after an abort: the signal's reason is thrown. */
export function unreadable(reader: RunningTool, error: unknown): DataopsError {
  reader.signal?.throwIfAborted();
  const why = error instanceof DataopsError ? error.message : String(error);
  return new DataopsError("corrupt", `the archive cannot be read back: ${why}`, {
    hint: "run it again; if it happens again, report it with the versions of server and client",
    cause: error,
  });
}
