import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Reporter } from "../../observe/reporter.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { isHeld, markFile } from "../cache/file-lock.ts";
import { unpackArchive } from "./unpack.ts";

export interface UnpackedArchive extends AsyncDisposable {
  path: string;
}

/** A folder of an unpacked archive; its mark, held while it is in use, has the same name with an ending. */
const FOLDER_PATTERN = /^(unpacked-[0-9a-f-]{36})(?:\.use)?$/;

/**
 * An archive decompressed into a folder of its own (0700) inside `directory`; disposing it removes the folder. What
 * processes that were killed left there is removed, too: each is as large as a database.
 */
export async function unpackedArchive(
  stored: string,
  manifest: Manifest,
  options: { directory: string; signal: AbortSignal; reporter: Reporter },
): Promise<UnpackedArchive> {
  await removeAbandoned(options.directory);
  const folder = join(options.directory, `unpacked-${randomUUID()}`);
  // Before the folder, so that at no time it looks abandoned; and gone after it.
  const mark = await markFile(markOf(folder));
  const remove = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    await mark[Symbol.asyncDispose]();
  };
  const path = join(folder, "archive.dump");
  const progress = options.reporter.progress("unpack", manifest.archive.rawSize);
  try {
    await mkdir(folder, { mode: 0o700 });
    await unpackArchive(stored, manifest, path, { signal: options.signal, progress });
  } catch (error) {
    await remove();
    throw error;
  } finally {
    progress.end();
  }
  return { path, [Symbol.asyncDispose]: remove };
}

async function removeAbandoned(directory: string): Promise<void> {
  const names = (await readdir(directory)).flatMap((name) => FOLDER_PATTERN.exec(name)?.[1] ?? []);
  for (const name of new Set(names)) {
    const folder = join(directory, name);
    if (await isHeld(markOf(folder))) continue;
    await rm(folder, { recursive: true, force: true });
    await rm(markOf(folder), { force: true });
  }
}

function markOf(folder: string): string {
  return `${folder}.use`;
}
