import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "./config/config.ts";
import { DataopsError, messageOf } from "./errors.ts";
import { humanInstant } from "./observe/instant.ts";
import type { Reporter } from "./observe/reporter.ts";
import { jobTitle, type Job } from "./repository/job.ts";
import { nextRunsOf, scheduledJobs } from "./schedule/scheduled-jobs.ts";
import { runScheduler, type SchedulerClock } from "./schedule/scheduler.ts";

/** Composes scheduler, jobs and HTTP, and keeps them until the program shall end. */

export interface DaemonOptions {
  /** Reads the configuration anew. */
  loadConfig: () => Promise<Config>;
  /** Runs a job for a slot, in milliseconds since the epoch. */
  runJob: (job: Job, slot: number, config: Config, signal: AbortSignal) => Promise<void>;
  /** Looks after what no run tells of, until `stop` fires. */
  watch: (config: Config, stop: AbortSignal) => Promise<void>;
  /** Serves what a configuration says until it is disposed of. */
  serve: (config: Config) => Promise<AsyncDisposable>;
  /** Calls back whenever the configuration shall be read anew. */
  onReload: (listener: () => void) => Disposable;
  reporter: Reporter;
  clock: SchedulerClock;
  /** From 0 up to, not including, 1. */
  random: () => number;
  /** Ends everything. */
  signal: AbortSignal;
}

/** The system's clock. */
export const schedulerClock: SchedulerClock = {
  now: () => Date.now(),
  // Longer ones than a timer can take are looked at again before they are over.
  sleep: (milliseconds, signal) =>
    delay(Math.min(milliseconds, 2 ** 31 - 1), undefined, { signal }).catch(() => undefined),
};

/**
 * Runs every scheduled job until `signal` fires, and resolves when the last run has ended. A configuration that was changed is
 * taken over when it is asked for; one that is wrong is refused, and the old one stays.
 *
 * @throws DataopsError `usage` where nothing is scheduled
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { signal, reporter } = options;
  const reloads = new ReloadRequests();
  using _listening = options.onReload(() => reloads.add());
  await using served = new Served(options);
  const runs: Promise<void>[] = [];
  let config = await checked(options);
  await served.take(config);
  while (!signal.aborted) {
    const stop = new AbortController();
    const over = AbortSignal.any([stop.signal, signal]);
    runs.push(keepSchedules(config, stop.signal, options), options.watch(config, over));
    const next = await nextConfig(reloads, options);
    stop.abort();
    if (next === undefined) break;
    config = next;
    await served
      .take(config)
      .catch((error: unknown) => reporter.warn(`the page is served as before: ${messageOf(error)}`));
  }
  await Promise.all(runs);
}

async function keepSchedules(config: Config, stop: AbortSignal, options: DaemonOptions): Promise<void> {
  const { reporter, clock, random, signal, runJob } = options;
  const jobs = scheduledJobs(config);
  for (const { job, at } of nextRunsOf(jobs, clock.now())) {
    reporter.info(`${jobTitle(job)} runs next at ${humanInstant(at, "UTC")}`);
  }
  await runScheduler(
    jobs.map(({ job, ...policy }) => ({
      ...policy,
      title: jobTitle(job),
      run: (slot, either) => runJob(job, slot, config, either),
    })),
    { clock, reporter, random, stop, signal },
  );
}

/** The configuration to go on with; undefined when the program shall end. */
async function nextConfig(reloads: ReloadRequests, options: DaemonOptions): Promise<Config | undefined> {
  const { reporter, signal } = options;
  while (await reloads.wait(signal)) {
    try {
      const config = await checked(options);
      reporter.info("the configuration was read anew");
      return config;
    } catch (error) {
      reporter.warn(`the new configuration is refused, and the old one stays: ${messageOf(error)}`);
    }
  }
  return undefined;
}

async function checked({ loadConfig }: DaemonOptions): Promise<Config> {
  const config = await loadConfig();
  if (scheduledJobs(config).length > 0) return config;
  throw new DataopsError("usage", "nothing is scheduled, so a daemon has nothing to do", {
    hint: 'give a job a schedule: backup: { production: { schedule: "0 */4 * * *" } }',
  });
}

/** Requests to read the configuration anew; those that come while one is being read are one more. */
class ReloadRequests {
  #isAsked = false;
  #wake: () => void = () => undefined;

  add(): void {
    this.#isAsked = true;
    this.#wake();
  }

  /** True for a request; false when the signal fires. */
  async wait(signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    if (!this.#isAsked && !signal.aborted) await promise;
    signal.removeEventListener("abort", onAbort);
    this.#isAsked = false;
    return !signal.aborted;
  }
}

/** What is served at a time: by the configuration that was taken last. */
class Served implements AsyncDisposable {
  readonly #serve: DaemonOptions["serve"];
  #current: { config: Config; server: AsyncDisposable } | undefined;

  constructor({ serve }: Pick<DaemonOptions, "serve">) {
    this.#serve = serve;
  }

  /** Serves by `config` from now on; where that fails, by the one before, and throws what happened. */
  async take(config: Config): Promise<void> {
    const last = this.#current;
    // Both may want the same port.
    await this[Symbol.asyncDispose]();
    try {
      this.#current = { config, server: await this.#serve(config) };
    } catch (error) {
      if (last !== undefined) this.#current = { ...last, server: await this.#serve(last.config) };
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const last = this.#current;
    this.#current = undefined;
    await last?.server[Symbol.asyncDispose]();
  }
}
