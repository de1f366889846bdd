import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { AfterStep } from "../../config/config.ts";
import type { Environment } from "../../config/environment.ts";
import { DataopsError } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import type { Scratch } from "../scratch/scratch.ts";
import { runCommand } from "./command.ts";
import { runSqlFile } from "./sql.ts";

/** The team's own steps between a restore and the moment that anybody can connect. */

export interface AfterRequest {
  scratch: Pick<Scratch, "loader" | "actAs" | "connectAsLoader">;
  /** What relative paths are relative to, and where commands run. */
  folder: string;
  reporter: Reporter;
  signal: AbortSignal;
  /** What commands inherit, but for anything that says where a database is. */
  environment: Environment;
}

/**
 * Checks that every step's file or program is there. Before anything is downloaded or created.
 *
 * @throws DataopsError `usage` naming the first that is not
 */
export async function checkAfterSteps(
  steps: readonly AfterStep[],
  folder: string,
  environment: Environment,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const name = nameOf(step, index);
    if ("sql" in step) {
      const path = resolve(folder, step.sql);
      if (!(await isFile(path, constants.R_OK))) throw missing(name, `there is no readable file ${path}`);
    } else if ((await findProgram(step.command[0] ?? "", folder, environment)) === undefined) {
      throw missing(name, `there is no program ${step.command[0]}`);
    }
  }
}

/**
 * Runs the steps in order, as who loaded. Stops at the first that fails.
 *
 * @throws DataopsError `failed` naming the step, `usage` where its file is not there; after an abort: the signal's reason
 */
export async function runAfterSteps(steps: readonly AfterStep[], request: AfterRequest): Promise<void> {
  const { folder, environment, reporter, signal, scratch } = request;
  await checkAfterSteps(steps, folder, environment);
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    const name = nameOf(step, index);
    reporter.info(name);
    if ("sql" in step) {
      const sql = await readFile(resolve(folder, step.sql), "utf8");
      await using client = await scratch.connectAsLoader();
      await runSqlFile(client, name, sql);
    } else {
      const [program = "", ...args] = step.command;
      const path = await findProgram(program, folder, environment);
      if (path === undefined) throw missing(name, `there is no program ${program}`);
      await runCommand({
        name,
        command: [path, ...args],
        folder,
        settings: scratch.loader,
        actAs: scratch.actAs,
        environment,
        signal,
        onLine: (line) => reporter.info(line),
      });
    }
  }
}

/** `after step 2 (bin/scrub)`: without a command's arguments, which may be anything. */
function nameOf(step: AfterStep, index: number): string {
  return `after step ${index + 1} (${"sql" in step ? step.sql : step.command[0]})`;
}

/** A name with a slash is a path, relative to `folder`; another is looked for in `PATH`. */
async function findProgram(
  program: string,
  folder: string,
  environment: Environment,
): Promise<string | undefined> {
  const places = program.includes("/")
    ? [folder]
    : (environment["PATH"] ?? "").split(delimiter).map((place) => resolve(folder, place));
  for (const place of places) {
    const path = isAbsolute(program) ? program : join(place, program);
    if (program !== "" && (await isFile(path, constants.X_OK))) return path;
  }
  return undefined;
}

async function isFile(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function missing(name: string, why: string): DataopsError {
  return new DataopsError("usage", `${name}: ${why}`, {
    hint: "correct the path under `after` in the restore settings; it is relative to the configuration file",
  });
}
