import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../../config/environment.ts";
import { DataopsError } from "../../errors.ts";

export interface ProgramSearch {
  folder: string;
  environment: Environment;
  /** Of the step, for messages. */
  name: string;
}

/**
 * The path of a program: a name with a slash is a path, relative to `folder`; another is looked for in `PATH`.
 *
 * @throws DataopsError `usage` where it is not there
 */
export async function findProgram(
  program: string,
  { folder, environment, name }: ProgramSearch,
): Promise<string> {
  const places = program.includes("/")
    ? [folder]
    : (environment["PATH"] ?? "").split(delimiter).map((place) => resolve(folder, place));
  for (const place of places) {
    const path = isAbsolute(program) ? program : join(place, program);
    if (program !== "" && (await isFile(path, constants.X_OK))) return path;
  }
  throw new DataopsError("usage", `${name}: there is no program ${program}`, {
    hint: "correct its path in the configuration; it is relative to the configuration file",
  });
}

/** Whether there is a file that may be used so. */
export async function isFile(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
