/** How many requests may be on their way, by what the engine says to them. Times are of no concern to it, only answers. */

/** Requests in a row that must go well for each one allowed before another is allowed. */
const GOOD_ROUNDS = 8;

export interface ConcurrencyLimit {
  /** How many may be on their way now. */
  readonly limit: number;
  /** The round that a request that starts now belongs to: give it back with its answer. */
  readonly round: number;
  /** A request of that round was taken. */
  succeeded(): void;
  /** The engine had no room for a request of that round, or for some of it. */
  overloaded(round: number): void;
}

/**
 * Halves what is allowed when the engine says that it is too much, and allows one more after some rounds without a word. Of requests
 * that were sent side by side only the first refusal counts: they all speak of the same moment.
 */
export function makeConcurrencyLimit(most: number): ConcurrencyLimit {
  let limit = most;
  let round = 0;
  let good = 0;
  return {
    get limit() {
      return limit;
    },
    get round() {
      return round;
    },
    succeeded: () => {
      good += 1;
      if (limit === most || good < limit * GOOD_ROUNDS) return;
      limit += 1;
      good = 0;
    },
    overloaded: (of) => {
      if (of !== round) return;
      limit = Math.max(1, Math.floor(limit / 2));
      round += 1;
      good = 0;
    },
  };
}
