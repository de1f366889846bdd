import type { Environment } from "../../config/environment.ts";
import { DataopsError, isDataopsError } from "../../errors.ts";
import { exitGate } from "../../postgres/exit-gate.ts";
import { spawnTool, type InstalledTools } from "../../postgres/tools.ts";

/** Bytes. 10,000 tables make about 5 MB. */
const MAX_LISTING_BYTES = 512 * 1024 * 1024;

export interface ListRequest {
  archive: string;
  tools: InstalledTools;
  signal: AbortSignal;
  environment: Environment;
}

/**
 * The archive's table of contents, as `pg_restore --list` prints it.
 *
 * @throws DataopsError `corrupt` where it cannot be read; after an abort: the signal's reason
 */
export async function listArchive({ archive, tools, signal, environment }: ListRequest): Promise<string> {
  const running = spawnTool(
    { program: "pg_restore", directory: tools.directory },
    ["--format=custom", "--list", archive],
    { environment, signal },
  );
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of exitGate(running)) {
      size += chunk.byteLength;
      if (size > MAX_LISTING_BYTES)
        throw new DataopsError("failed", "the archive's table of contents is too long");
      chunks.push(chunk);
    }
  } catch (error) {
    if (!isDataopsError(error, "failed")) throw error;
    throw new DataopsError("corrupt", `the archive cannot be read: ${error.message}`, {
      hint: "restore an older backup (`dataops list`), and keep this one to look into",
      cause: error,
    });
  }
  return Buffer.concat(chunks).toString("utf8");
}
