import { resolve } from "node:path";
import type { ConnectionSettings } from "../../config/connection.ts";
import type { Environment } from "../../config/environment.ts";
import { DataopsError } from "../../errors.ts";
import { humanDuration } from "../../observe/human.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { runCommand } from "../../replace/after/command.ts";
import type { ReindexRun } from "../request.ts";

export interface CommandDriverRequest {
  run: Pick<ReindexRun, "id" | "signal">;
  alias: string;
  /** A program and its arguments. A program with a slash is relative to `folder`, another is looked for in `PATH`. */
  command: readonly string[];
  /** Milliseconds. */
  timeout: number;
  folder: string;
  connection: ConnectionSettings;
  environment: Environment;
  reporter: Reporter;
}

/**
 * Lets a program of the team's build an index. It finds the database in `DATABASE_URL` and `PG*`, the index's name in
 * `DATAOPS_INDEX` and the run's id in `DATAOPS_RUN`; each line that it writes is told.
 *
 * @throws DataopsError `reindexFailed` where it ends with other than 0, or takes too long; after an abort, when it has ended: the
 *   signal's reason
 */
export async function reindexByCommand(request: CommandDriverRequest): Promise<void> {
  const { run, alias, command, timeout, folder, environment, reporter } = request;
  const [program = "", ...args] = command;
  const limit = AbortSignal.timeout(timeout);
  try {
    await runCommand({
      name: program,
      command: [program.includes("/") ? resolve(folder, program) : program, ...args],
      folder,
      settings: request.connection,
      actAs: undefined,
      environment: { ...environment, DATAOPS_INDEX: alias, DATAOPS_RUN: run.id },
      signal: AbortSignal.any([run.signal, limit]),
      onLine: (line) => reporter.info(line),
    });
  } catch (error) {
    run.signal.throwIfAborted();
    if (limit.aborted) {
      throw new DataopsError("reindexFailed", `${program} was ended after ${humanDuration(timeout)}`, {
        hint: "give it more time with driver.timeout",
      });
    }
    if (!(error instanceof DataopsError)) throw error;
    throw new DataopsError("reindexFailed", error.message, {
      hint: "correct it and run again; what became of the index, your program knows",
      cause: error,
    });
  }
}
