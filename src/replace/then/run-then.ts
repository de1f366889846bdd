import type { ConnectionSettings } from "../../config/connection.ts";
import type { Environment } from "../../config/environment.ts";
import type { ThenJob } from "../../config/then.ts";
import { messageOf } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { runCommand } from "../after/command.ts";
import { findProgram } from "../after/program.ts";
import { callWebhook } from "./webhook.ts";

/** What is run once a database has been replaced: for a restore and for a reset. */
export interface ThenRequest {
  reporter: Reporter;
  signal: AbortSignal;
  /** What commands inherit, but for anything that says where a database is. */
  environment: Environment;
  /** Where commands run. */
  folder: string;
  /** Of the database that was replaced. */
  connection: ConnectionSettings;
  /** What webhooks are told: no secrets. */
  event: Readonly<Record<string, string | number | boolean | null>>;
  /** Rebuilds one index of the configuration. */
  reindex(index: string): Promise<void>;
}

/**
 * Checks that every job's program and URL is there. Before anything is replaced.
 *
 * @throws DataopsError `usage` naming the first that is not
 */
export async function checkThen(
  jobs: readonly ThenJob[],
  { folder, environment, signal }: Pick<ThenRequest, "folder" | "environment" | "signal">,
): Promise<void> {
  for (const job of jobs) {
    if ("webhook" in job) await job.webhook.resolve(signal);
    if ("command" in job) await findProgram(job.command[0] ?? "", { folder, environment, name: nameOf(job) });
  }
}

/**
 * Runs jobs in order. One that fails does not keep the next from running: the database has been replaced, whatever becomes
 * of them.
 *
 * @returns what failed, each as one line
 * @throws after an abort: the signal's reason
 */
export async function runThen(jobs: readonly ThenJob[], request: ThenRequest): Promise<string[]> {
  const { reporter, signal } = request;
  const failures: string[] = [];
  for (const job of jobs) {
    signal.throwIfAborted();
    const name = nameOf(job);
    reporter.info(name);
    try {
      await runJob(job, name, request);
    } catch (error) {
      signal.throwIfAborted();
      const failure = messageOf(error);
      const line = failure.startsWith(name) ? failure : `${name}: ${failure}`;
      reporter.warn(line);
      failures.push(line);
    }
  }
  return failures;
}

async function runJob(job: ThenJob, name: string, request: ThenRequest): Promise<void> {
  const { folder, environment, connection, signal, reporter } = request;
  if ("reindex" in job) return request.reindex(job.reindex);
  if ("webhook" in job) return callWebhook(await job.webhook.resolve(signal), request.event, signal);
  const [program = "", ...args] = job.command;
  await runCommand({
    name,
    command: [await findProgram(program, { folder, environment, name }), ...args],
    folder,
    settings: connection,
    actAs: undefined,
    environment,
    signal,
    onLine: (line) => reporter.info(line),
  });
}

/** Without a command's arguments or a webhook's URL, which may be anything. */
function nameOf(job: ThenJob): string {
  if ("reindex" in job) return `reindex ${job.reindex}`;
  return "webhook" in job ? "webhook" : (job.command[0] ?? "");
}
