import type { Config } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { decideStale } from "../notices/decide.ts";
import { humanDuration } from "../observe/human.ts";
import type { SchedulerClock } from "../schedule/scheduler.ts";
import { staleAt } from "../status/expectations.ts";
import { newestGood } from "../status/facts.ts";
import { isBackedUp, readStatus } from "../status/read-status.ts";
import type { Storage } from "../storage/storage.ts";
import type { CommandContext } from "./command.ts";
import { jobNotifier } from "./job-notifier.ts";

/** Milliseconds between two looks. */
const INTERVAL = 10 * 60_000;

/** Milliseconds after which what lasts is told once more. */
const REPEAT_EVERY = 24 * 3_600_000;

export interface StalenessWatch {
  config: Config;
  storage: Storage;
  clock: SchedulerClock;
  /** Ends it. */
  stop: AbortSignal;
}

/**
 * Looks at the newest good backups again and again, and tells whom the configuration names when one is stale: whatever kept
 * backups from being made, silence is not what comes of it. Resolves when `stop` fires; never rejects.
 */
export async function watchStaleness(watch: StalenessWatch, context: CommandContext): Promise<void> {
  const { clock, stop } = watch;
  let lastLook: number | undefined;
  while (!stop.aborted) {
    const now = clock.now();
    try {
      await lookOnce(watch, { lastLook, now }, context);
      lastLook = now;
    } catch (error) {
      if (!stop.aborted) context.reporter.warn(`whether backups are fresh: ${messageOf(error)}`);
    }
    await clock.sleep(INTERVAL, stop);
  }
}

async function lookOnce(
  { config, storage, stop }: StalenessWatch,
  times: { lastLook: number | undefined; now: number },
  context: CommandContext,
): Promise<void> {
  const names = Object.keys(config.databases).filter((name) => isBackedUp(config, name));
  const statuses = await readStatus(storage, config, names, times.now, { signal: stop });
  for (const { database, expected, facts } of statuses) {
    const newest = newestGood(facts);
    if (expected === undefined || newest === undefined) continue;
    const started = Date.parse(newest.started);
    const staleSince = staleAt(started, expected);
    if (!decideStale({ staleSince, ...times }, { repeatEvery: REPEAT_EVERY })) continue;
    const job = { kind: "backup", name: database, database } as const;
    const detail = `the newest good backup of ${database} is ${humanDuration(times.now - started)} old: ${newest.id}`;
    context.reporter.warn(`${detail}: it is stale`);
    await jobNotifier(config, job, storage, context).stale({ staleSince, detail }, stop);
  }
}
