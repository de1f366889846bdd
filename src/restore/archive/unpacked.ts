import { join } from "node:path";
import type { Reporter } from "../../observe/reporter.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { ownFolder } from "../cache/own-folder.ts";
import { unpackArchive } from "./unpack.ts";

export interface UnpackedArchive extends AsyncDisposable {
  path: string;
}

/** An archive decompressed into a folder of its own inside `directory`; disposing it removes the folder. */
export async function unpackedArchive(
  stored: string,
  manifest: Manifest,
  options: { directory: string; signal: AbortSignal; reporter: Reporter },
): Promise<UnpackedArchive> {
  const folder = await ownFolder(options.directory, "unpacked");
  const path = join(folder.path, "archive.dump");
  const progress = options.reporter.progress("unpack", manifest.archive.rawSize);
  try {
    await unpackArchive(stored, manifest, path, { signal: options.signal, progress });
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  } finally {
    progress.end();
  }
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
