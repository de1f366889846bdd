/** What goes wrong in a soak, and when: drawn from a seed, so that a soak can be run again. */

export const FAULT_KINDS = [
  "storage-refuses",
  "storage-silent",
  "database-restarts",
  "replica-killed",
  "replica-terminated",
  "bad-configuration",
  "database-crashes",
  "task-killed",
  "flood",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  kind: FaultKind;
  /** Milliseconds after the first slot. */
  at: number;
  /** Milliseconds that it lasts, where it lasts; a process that ended is started anew after it. */
  lasts: number;
}

/** For people. */
export const FAULT_WORDS: Readonly<Record<FaultKind, string>> = {
  "storage-refuses": "the storage refuses connections",
  "storage-silent": "the storage takes requests, and never answers",
  "database-restarts": "the database server is restarted",
  "replica-killed": "replica B gets SIGKILL in the middle of a run, and is started anew",
  "replica-terminated": "replica B gets SIGTERM in the middle of a run, and is started anew",
  "bad-configuration": "replica A gets SIGHUP with a wrong configuration, then with the right one",
  "database-crashes": "a session of the database server is killed: the server recovers from its log",
  "task-killed": "a one-shot run gets SIGKILL in its middle",
  flood: "replica A gets 1,000 requests at once, and connections that say nothing",
};

/** Milliseconds at least, by kind. */
const LASTS: Readonly<Record<FaultKind, number>> = {
  "storage-refuses": 60_000,
  "storage-silent": 25_000,
  "database-restarts": 2_000,
  "replica-killed": 5_000,
  "replica-terminated": 3_000,
  "bad-configuration": 5_000,
  "database-crashes": 0,
  "task-killed": 0,
  flood: 0,
};

/** Shares of the soak in which nothing goes wrong: until all is warm, and until all has settled. */
const BEGIN = 0.15;
const END = 0.9;

/** The faults of a soak of so many milliseconds: each once, in the seed's order, spread over it. Pure. */
export function planFaults(seed: number, duration: number): Fault[] {
  const random = randomFrom(seed);
  const kinds = shuffled(FAULT_KINDS, random);
  const step = (duration * (END - BEGIN)) / kinds.length;
  return kinds.map((kind, place) => ({
    kind,
    at: Math.round(duration * BEGIN + step * (place + random() * 0.3)),
    // A short soak has no minute for each.
    lasts: Math.round(Math.min(LASTS[kind], duration / 10)),
  }));
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, rank: random() }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ value }) => value);
}

/** Numbers from 0 up to 1 that follow from the seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
