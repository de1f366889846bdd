import { finished } from "node:stream/promises";
import { DataopsError } from "../errors.ts";
import { requireSuccess } from "../postgres/exit-gate.ts";
import type { RunningTool } from "../postgres/tools.ts";
import { feed, stdinOf, unreadable } from "./feed.ts";

/**
 * Passes an archive on while `reader`, a `pg_restore` that reads it from its standard input, parses the same bytes.
 *
 * The end of the stream is held back until the reader has read all of it and exited with 0: whoever takes the end for
 * "whole" is right. (`pg_restore --list` would be content with half a file.) As slow as the slower of the two.
 *
 * @throws DataopsError `corrupt` where the archive cannot be read; the source's own error where that failed; after an
 *   abort: the signal's reason
 */
export async function* checkArchive(
  source: AsyncIterable<Uint8Array>,
  reader: RunningTool,
): AsyncGenerator<Uint8Array, void, void> {
  const stdin = stdinOf(reader);
  // What it prints goes to its own file; a pipe that nobody reads would stop it.
  reader.stdout.resume();
  try {
    for await (const chunk of source) {
      if (!(await feed(reader, chunk))) await refuse(reader);
      yield chunk;
    }
    stdin.end();
    await requireReadable(reader);
    await finished(stdin, { readable: false }).catch(() => refuse(reader));
  } finally {
    await reader.kill();
  }
}

/** Fails for a reader that would not take the rest. One that exited with 0 left bytes unread: as bad. */
async function refuse(reader: RunningTool): Promise<never> {
  await requireReadable(reader);
  throw new DataopsError("corrupt", "pg_restore stopped reading before the archive's end");
}

async function requireReadable(reader: RunningTool): Promise<void> {
  try {
    await requireSuccess(reader);
  } catch (error) {
    throw unreadable(reader, error);
  }
}
