/** Milliseconds; nobody is waited for any longer at once, whatever they ask. */
const MOST = 60_000;

/**
 * Reads HTTP's `Retry-After`: seconds, or a date.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds from now; undefined where it says nothing
 */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), MOST);
}
