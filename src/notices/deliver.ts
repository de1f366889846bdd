import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelConfig } from "../config/config.ts";
import { isDataopsError } from "../errors.ts";
import { DeliveryError } from "./delivery-error.ts";
import { within } from "./within.ts";

/** How long others are waited for. All in milliseconds. */
export interface Patience {
  /** For everything, all tries together. */
  total: number;
  /** For one try. The second one has what is left. */
  attempt: number;
  /** Between two tries. */
  pause: number;
  /** Of the total, for the records of earlier runs. */
  history: number;
}

/** A program that is told to end has 25 s for everything; a mail server may well take 3 s for its first word. */
export const PATIENCE: Patience = { total: 7_500, attempt: 4_500, pause: 500, history: 2_000 };

const TRIES = 2;

/** What is to be sent on one channel. */
export interface Sending {
  channel: ChannelConfig;
  /** @throws DeliveryError, or DataopsError `usage` where the channel cannot be used as it is configured */
  send: (signal: AbortSignal) => Promise<void>;
}

/** What came of it. */
export interface Delivery {
  channel: ChannelConfig;
  /** One line; undefined where it was delivered. */
  problem: string | undefined;
  /** What to do about it, where that is known. */
  hint: string | undefined;
}

/**
 * Sends on all channels at the same time, with two tries each, and ends after `patience.total` whatever they do. Never throws:
 * what could not be delivered is said, and no more.
 */
export async function deliver(
  sendings: readonly Sending[],
  signal: AbortSignal,
  patience: Patience = PATIENCE,
): Promise<Delivery[]> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(patience.total)]);
  return Promise.all(sendings.map((sending) => attempt(sending, deadline, patience)));
}

async function attempt(
  { channel, send }: Sending,
  deadline: AbortSignal,
  patience: Patience,
): Promise<Delivery> {
  let last: unknown;
  for (let count = 1; count <= TRIES; count += 1) {
    try {
      const signal = AbortSignal.any([deadline, AbortSignal.timeout(patience.attempt)]);
      await within(signal, send(signal));
      return { channel, problem: undefined, hint: undefined };
    } catch (error) {
      last = error;
      if (!(error instanceof DeliveryError) || !error.isTransient || count === TRIES || deadline.aborted)
        break;
    }
    const wasLeft = await sleep(patience.pause, false, { signal: deadline }).catch(() => true);
    if (wasLeft) break;
  }
  return { channel, ...problemOf(last) };
}

/** A bug in a channel is no reason to fail a job either; its message may hold anything, so it is not told. */
function problemOf(error: unknown): { problem: string; hint: string | undefined } {
  if (error instanceof DeliveryError) return { problem: error.message, hint: undefined };
  if (isDataopsError(error)) return { problem: error.message, hint: error.hint };
  return {
    problem: `a bug in dataops (${error instanceof Error ? error.name : typeof error})`,
    hint: undefined,
  };
}
