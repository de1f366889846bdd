import { setTimeout as delay } from "node:timers/promises";

/** How long to wait before what failed is tried again. */
export interface Backoff {
  /** Milliseconds; the bound of the first wait. Each further bound is twice the one before. */
  baseDelay: number;
  /** Milliseconds; no wait is longer, unless the engine asks for it. */
  maxDelay: number;
  /** From 0 up to 1. */
  random: () => number;
  /** Waits some milliseconds; rejects when the signal fires. */
  sleep: (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>;
}

export const DEFAULT_BACKOFF: Backoff = {
  baseDelay: 500,
  maxDelay: 20_000,
  random: Math.random,
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
};

/**
 * Milliseconds to wait after the given try (from 1): full jitter below a bound that doubles, and never less than the engine asks for.
 */
export function backoffDelay(
  { baseDelay, maxDelay, random }: Backoff,
  attempt: number,
  retryAfter: number | undefined,
): number {
  const bound = Math.min(maxDelay, baseDelay * 2 ** (attempt - 1));
  return (retryAfter ?? 0) + random() * bound;
}

/** Sleeps, and ends with the signal's own reason. */
export async function backOff(
  backoff: Backoff,
  wait: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await backoff.sleep(wait, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
