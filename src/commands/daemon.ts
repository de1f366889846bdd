import type { Config } from "../config/config.ts";
import { requireStorage } from "../config/select.ts";
import { runDaemon, schedulerClock } from "../daemon.ts";
import { EXIT_CODES } from "../errors.ts";
import { serve } from "../http/serve.ts";
import { jobTitle, type Job } from "../repository/job.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { runScheduled } from "./run-scheduled.ts";
import { watchStaleness } from "./watch-staleness.ts";

export const command: Command = {
  options: (yargs) => yargs,
  run: (_, context) => runDaemonCommand(context),
  exits: ["notPermitted", "unreachable", "interrupted", "terminated"],
  examples: [
    ["dataops daemon", "run every scheduled job of the configuration, until SIGTERM"],
    ["kill -HUP PID", "have it read the configuration anew; a wrong one is refused, and the old one stays"],
  ],
};

/** Runs every scheduled job until it is told to end. Several may run beside each other: a slot runs once. */
export async function runDaemonCommand(context: CommandContext): Promise<CommandResult> {
  const { reporter, signal } = context;
  await runDaemon({
    loadConfig: () => {
      context.secrets.refresh();
      return context.loadConfig();
    },
    runJob: (job, slot, config, either) => runAndTell(job, slot, config, { ...context, signal: either }),
    watch: (config, stop) => watch(config, stop, context),
    serve: async (config) => {
      const server = await serve(config, { reporter, signal, now: () => context.now() });
      reporter.info(`http://${config.http.host}:${server.port} shows how things stand`);
      return server;
    },
    onReload: context.onReload,
    reporter,
    clock: schedulerClock,
    random: Math.random,
    signal,
  });
  signal.throwIfAborted();
  return { exit: "done", data: null, text: "" };
}

async function watch(config: Config, stop: AbortSignal, context: CommandContext): Promise<void> {
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    await watchStaleness({ config, storage, clock: schedulerClock, stop }, context);
  } finally {
    await storage.close();
  }
}

async function runAndTell(job: Job, slot: number, config: Config, context: CommandContext): Promise<void> {
  // A password may have been rotated since the last run.
  context.secrets.refresh();
  const { exit, text } = await runScheduled(job, slot, config, {
    ...context,
    config: () => Promise.resolve(config),
    ask: undefined,
  });
  context.reporter.info(describeEnd(job, { exit, text }));
}

/** What a run came to, for the daemon's log. A table begins on a line of its own. */
export function describeEnd(job: Job, { exit, text }: Pick<CommandResult, "exit" | "text">): string {
  const code = exit === "done" ? "" : ` (${EXIT_CODES[exit].meaning})`;
  const gap = text.includes("\n") ? "\n" : " ";
  return `${jobTitle(job)}${code}:${gap}${text}`;
}
