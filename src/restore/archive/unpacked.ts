import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Reporter } from "../../observe/reporter.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { unpackArchive } from "./unpack.ts";

export interface UnpackedArchive extends AsyncDisposable {
  path: string;
}

/** An archive decompressed into a folder of its own (0700) inside `directory`; disposing it removes the folder. */
export async function unpackedArchive(
  stored: string,
  manifest: Manifest,
  options: { directory: string; signal: AbortSignal; reporter: Reporter },
): Promise<UnpackedArchive> {
  const folder = await mkdtemp(join(options.directory, "unpacked-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const path = join(folder, "archive.dump");
  const progress = options.reporter.progress("unpack", manifest.archive.rawSize);
  try {
    await unpackArchive(stored, manifest, path, { signal: options.signal, progress });
  } catch (error) {
    await remove();
    throw error;
  } finally {
    progress.end();
  }
  return { path, [Symbol.asyncDispose]: remove };
}
