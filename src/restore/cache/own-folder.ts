import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isHeld, markFile } from "./file-lock.ts";

/** What one process keeps in the cache's folder for itself alone, for as long as it runs. */
export type OwnFolderKind = "unpacked" | "verify";

export interface OwnFolder extends AsyncDisposable {
  path: string;
}

/**
 * A new folder (0700) inside of the cache's `directory`; disposing it removes it. What processes that were killed left there of
 * the same kind is removed, too: each may be as large as a database.
 */
export async function ownFolder(directory: string, kind: OwnFolderKind): Promise<OwnFolder> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeAbandoned(directory, kind);
  const path = join(directory, `${kind}-${randomUUID()}`);
  // Before the folder, so that at no time it looks abandoned; and gone after it.
  const mark = await markFile(markOf(path));
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true });
    await mark[Symbol.asyncDispose]();
  };
  try {
    await mkdir(path, { mode: 0o700 });
    return { path, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The name of a folder and, with an ending, of its mark, which is held while it is in use. */
const NAME_PATTERN = /^(([a-z]+)-[0-9a-f-]{36})(?:\.use)?$/;

async function removeAbandoned(directory: string, kind: OwnFolderKind): Promise<void> {
  const names = (await readdir(directory)).flatMap((name) => {
    const [, folder = "", found] = NAME_PATTERN.exec(name) ?? [];
    return found === kind ? [folder] : [];
  });
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
