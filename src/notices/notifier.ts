import type { ChannelConfig } from "../config/config.ts";
import type { ExitName } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Job } from "../repository/job.ts";
import type { RunRecord } from "../repository/run-record.ts";
import { channelTitle, concerns, sendNotice, sendPingTo } from "./channels.ts";
import { runNotice, staleNotice, type Author } from "./compose.ts";
import { decideNotice } from "./decide.ts";
import { deliver, PATIENCE, type Patience, type Sending } from "./deliver.ts";
import { endSignal, suspicionOf } from "./health.ts";
import { oneLine } from "./message.ts";
import { within } from "./within.ts";

export interface NotifierOptions {
  channels: readonly ChannelConfig[];
  job: Job;
  author: Author;
  reporter: Reporter;
  /** The records of the job's last runs, as far back as `repeatEvery` reaches. May throw: then a failure is told as the first one. */
  previousRuns: (signal: AbortSignal) => Promise<readonly RunRecord[]>;
  /** Milliseconds after which the job's last good run is stale; undefined where nothing was promised. */
  maxAge?: number | undefined;
  patience?: Patience | undefined;
}

/** Looks on at one job's runs, and tells who wants to know. Neither method ever throws. */
export interface Notifier {
  /** Tells the dead man's switches that a run began. Does not wait for them. */
  started(record: RunRecord, signal: AbortSignal): Promise<void>;
  /** Tells what there is to tell of a run that has ended, and waits for it, in bounds. Lost runs count. */
  ended(record: RunRecord, signal: AbortSignal): Promise<void>;
  /** Tells that the job's last good result is older than was promised. */
  stale(stale: { staleSince: number; detail: string }, signal: AbortSignal): Promise<void>;
  /** How many channels could not be told, so far. */
  readonly undelivered: number;
}

/** Makes a job's notifier. One serves any number of the job's runs. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { job, author, reporter, patience = PATIENCE } = options;
  const channels = options.channels.filter((channel) => concerns(channel, job));
  const pings = channels.filter(({ kind }) => kind === "ping");
  const tellers = channels.filter(({ kind }) => kind !== "ping");
  let undelivered = 0;
  let starting: Promise<void> = Promise.resolve();

  async function send(sendings: readonly Sending[], signal: AbortSignal): Promise<void> {
    for (const { channel, problem, hint } of await deliver(sendings, signal, patience)) {
      if (problem === undefined) continue;
      undelivered += 1;
      const line = `notice not delivered by ${channelTitle(channel)}: ${problem}${hint === undefined ? "" : `; ${hint}`}`;
      reporter.warn(author.redact(oneLine(line)), { channel: channel.kind, place: channel.place });
    }
  }

  async function previousRuns(signal: AbortSignal): Promise<readonly RunRecord[]> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(patience.total)]);
    try {
      return await within(inTime, options.previousRuns(inTime));
    } catch {
      return [];
    }
  }

  /** The pings of a run's end; `text` says why it was not good. */
  function endPings(record: RunRecord): Sending[] {
    const pinged = endSignal(record);
    if (pinged === undefined) return [];
    const text =
      pinged === "success"
        ? ""
        : author.redact(oneLine(author.redact(suspicionOf(record) ?? record.message ?? record.state)));
    return pings.map((channel) => ({
      channel,
      send: (signal) => sendPingTo(channel, { signal: pinged, runId: record.id, text }, signal),
    }));
  }

  async function noticesOf(record: RunRecord, signal: AbortSignal): Promise<Sending[]> {
    if (tellers.length === 0 || endSignal(record) === undefined) return [];
    const previous = await previousRuns(signal);
    return tellers.flatMap((channel) => {
      const decision = decideNotice(record, previous, {
        repeatEvery: channel.repeatEvery,
        maxAge: options.maxAge,
      });
      if (decision === undefined || !channel.on.includes(decision.event)) return [];
      const notice = runNotice(decision, record, job, author);
      return [{ channel, send: (inTime: AbortSignal) => sendNotice(channel, notice, inTime) }];
    });
  }

  return {
    started(record, signal) {
      const ping = { signal: "start", runId: record.id, text: "" } as const;
      starting = send(
        pings.map((channel) => ({ channel, send: (inTime) => sendPingTo(channel, ping, inTime) })),
        signal,
      );
      // The work does not wait for whoever listens.
      return Promise.resolve();
    },
    async ended(record, signal) {
      // A start that arrived after its end would count as a run that hangs.
      const [notices] = await Promise.all([noticesOf(record, signal), starting]);
      await send([...endPings(record), ...notices], signal);
    },
    async stale(stale, signal) {
      const notice = staleNotice(stale, job, author);
      const told = tellers.filter(({ on }) => on.includes("stale"));
      await send(
        told.map((channel) => ({ channel, send: (inTime) => sendNotice(channel, notice, inTime) })),
        signal,
      );
    },
    get undelivered() {
      return undelivered;
    },
  };
}

/** How a job ended, once it was told: a notice that did not arrive is worth a warning, and changes nothing else. */
export function exitWithNotices(exit: ExitName, { undelivered }: Pick<Notifier, "undelivered">): ExitName {
  return exit === "done" && undelivered > 0 ? "warnings" : exit;
}
