import type { Environment } from "../../../src/config/environment.ts";

/** Histories that share a database. */
const PER_DATABASE = 20;

/** Which group a seed is in, from 0. */
export function groupOf(seed: number): number {
  return Math.floor((seed - 1) / PER_DATABASE);
}

/** `7`, or `41-60`. */
const SEEDS = /^(?<first>\d+)(?:-(?<last>\d+))?$/;

/**
 * The seeds to run on one of two servers, a group for each database: every other group of `TEST_HISTORIES` (200), or those of
 * `TEST_HISTORY_SEED` alone, on both.
 */
export function chooseSeeds(environment: Environment, server: 0 | 1): number[][] {
  const { first, last = first } = SEEDS.exec(environment["TEST_HISTORY_SEED"] ?? "")?.groups ?? {};
  if (first !== undefined) return [seedsBetween(Number(first), Number(last))];
  const count = Number(environment["TEST_HISTORIES"] ?? 200);
  const groups = Math.ceil(count / PER_DATABASE);
  return Array.from({ length: groups }, (_, group) =>
    seedsBetween(group * PER_DATABASE + 1, Math.min((group + 1) * PER_DATABASE, count)),
  ).filter((_, group) => group % 2 === server);
}

function seedsBetween(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
