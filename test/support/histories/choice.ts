import type { Environment } from "../../../src/config/environment.ts";

/** Histories that share a database. */
const PER_DATABASE = 20;

/**
 * The seeds to run on one of two servers, a group for each database: every other group of `TEST_HISTORIES` (200), or
 * `TEST_HISTORY_SEED` alone, on both.
 */
export function chooseSeeds(environment: Environment, server: 0 | 1): number[][] {
  const alone = environment["TEST_HISTORY_SEED"];
  if (alone !== undefined) return [[Number(alone)]];
  const count = Number(environment["TEST_HISTORIES"] ?? 200);
  const groups = Math.ceil(count / PER_DATABASE);
  return Array.from({ length: groups }, (_, group) =>
    Array.from({ length: PER_DATABASE }, (_, index) => group * PER_DATABASE + index + 1).filter(
      (seed) => seed <= count,
    ),
  ).filter((_, group) => group % 2 === server);
}
