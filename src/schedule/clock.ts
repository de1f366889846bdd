/** Time, as what schedules and leases jobs needs it. */
export interface Clock {
  /** The time of day, in milliseconds since the epoch. May jump. */
  now(): number;
  /** Milliseconds since some moment; never jumps, and means nothing to another machine. */
  monotonic(): number;
}

/** This machine's. */
export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
