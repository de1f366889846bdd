/** Milliseconds behind the database that are near enough for the swap. */
const NEAR = 1_000;

/** A pass that takes more than this part of the one before it gets nearer no more. */
const GAIN = 0.7;

/** Catch-ups before the swap. */
const MOST_PASSES = 20;

/** Catch-ups after the swap, while something is found. One brings in all that was written before the swap. */
export const MOST_PASSES_AFTER = 3;

/**
 * Whether catching up once more would bring the index no nearer to the database, or need not.
 *
 * @param lags milliseconds that each catch-up took so far: what the next one has to bring in came up meanwhile
 */
export function isNearEnough(lags: readonly number[]): boolean {
  const last = lags.at(-1);
  const previous = lags.at(-2);
  if (last === undefined) return false;
  if (last <= NEAR || lags.length >= MOST_PASSES) return true;
  return previous !== undefined && last > previous * GAIN;
}
