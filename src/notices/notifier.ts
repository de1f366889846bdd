import type { ChannelConfig } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import type { Job } from "../repository/job.ts";
import type { RunRecord } from "../repository/run-record.ts";
import { channelTitle, concerns, sendNotice, sendPingTo } from "./channels.ts";
import { runNotice, staleNotice, type Author } from "./compose.ts";
import { decideNotice } from "./decide.ts";
import { deliver, PATIENCE, type Patience, type Sending } from "./deliver.ts";
import { endSignal, suspicionOf } from "./health.ts";
import { oneLine } from "./message.ts";
import type { Ping } from "./notice.ts";
import { within } from "./within.ts";

/** Milliseconds that `previousRuns` has to reach back, so that a lasting state is known as such. */
export const NOTICE_HISTORY = 8 * 24 * 3_600_000;

export interface NotifierOptions {
  channels: readonly ChannelConfig[];
  job: Job;
  author: Author;
  /** The records of the job's last runs, `NOTICE_HISTORY` back. May throw: then a failure is told as the first one. */
  previousRuns: (signal: AbortSignal) => Promise<readonly RunRecord[]>;
  /** Milliseconds after which the job's last good run is stale; undefined where nothing was promised. */
  maxAge?: number | undefined;
  patience?: Patience | undefined;
}

/**
 * Looks on at one job's runs, and tells who wants to know, within `Patience`. All of it throws a DataopsError `warnings`, of one
 * line, where somebody could not be told; nothing else.
 */
export interface Notifier {
  /** Tells the dead man's switches that a run began. */
  started(record: RunRecord, signal: AbortSignal): Promise<void>;
  /** Tells what there is to tell of a run that has ended, or was found to be lost. */
  ended(record: RunRecord, signal: AbortSignal): Promise<void>;
  /** Tells that the job's last good result is older than was promised. */
  stale(stale: { staleSince: number; detail: string }, signal: AbortSignal): Promise<void>;
}

/** Makes a job's notifier. One serves any number of the job's runs, and remembers nothing. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { job, author, patience = PATIENCE } = options;
  const channels = options.channels.filter((channel) => concerns(channel, job));
  const pings = channels.filter(({ kind }) => kind === "ping");
  const tellers = channels.filter(({ kind }) => kind !== "ping");

  /** @throws DataopsError `warnings` naming each channel that failed */
  async function send(sendings: Promise<readonly Sending[]>[], signal: AbortSignal): Promise<void> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(patience.total)]);
    const deliveries = await Promise.all(sendings.map(async (some) => deliver(await some, inTime, patience)));
    const failed = deliveries.flat().flatMap(({ channel, problem, hint }) => {
      if (problem === undefined) return [];
      return [`${channelTitle(channel)}: ${problem}${hint === undefined ? "" : `; ${hint}`}`];
    });
    if (failed.length === 0) return;
    throw new DataopsError(
      "warnings",
      author.redact(oneLine(`notice not delivered by ${failed.join(", nor by ")}`)),
      {
        hint: "`dataops notify test` tries all channels",
      },
    );
  }

  function toPings(ping: Ping): Sending[] {
    return pings.map((channel) => ({ channel, send: (signal) => sendPingTo(channel, ping, signal) }));
  }

  /** The pings of a run's end; a failure's says why. */
  function endPings(record: RunRecord): Sending[] {
    const signal = endSignal(record);
    if (signal === undefined) return [];
    const why = suspicionOf(record) ?? record.message ?? record.state;
    const text = signal === "success" ? "" : author.redact(oneLine(author.redact(why)));
    return toPings({ signal, runId: record.id, text });
  }

  async function endNotices(record: RunRecord, signal: AbortSignal): Promise<Sending[]> {
    if (tellers.length === 0 || endSignal(record) === undefined) return [];
    const previous = await previousRuns(signal);
    return tellers.flatMap((channel) => {
      const { repeatEvery } = channel;
      const decision = decideNotice(record, previous, { repeatEvery, maxAge: options.maxAge });
      if (decision === undefined || !channel.on.includes(decision.event)) return [];
      const notice = runNotice(decision, record, job, author);
      return [{ channel, send: (inTime: AbortSignal) => sendNotice(channel, notice, inTime) }];
    });
  }

  /** Most often it is the storage that failed, and then it has no records to give either. */
  async function previousRuns(signal: AbortSignal): Promise<readonly RunRecord[]> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(patience.history)]);
    try {
      return await within(inTime, options.previousRuns(inTime));
    } catch {
      return [];
    }
  }

  return {
    async started({ id }, signal) {
      await send([Promise.resolve(toPings({ signal: "start", runId: id, text: "" }))], signal);
    },
    async ended(record, signal) {
      await send([Promise.resolve(endPings(record)), endNotices(record, signal)], signal);
    },
    async stale(stale, signal) {
      const notice = staleNotice(stale, job, author);
      const told = tellers
        .filter(({ on }) => on.includes("stale"))
        .map((channel) => ({ channel, send: (inTime: AbortSignal) => sendNotice(channel, notice, inTime) }));
      await send([Promise.resolve(told)], signal);
    },
  };
}
