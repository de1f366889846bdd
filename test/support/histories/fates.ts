import { Random } from "./random.ts";

/** What becomes of the backup that is made at one step. */
export interface Fate {
  format: "blocks" | "archive";
  /** Its run was killed before the manifest was written, and after most packs were. */
  isKilled: boolean;
  /** What happens, before the run, to a pack that the last backup needs; the later ones must do without it. */
  damage: "none" | "deleted" | "cut";
  /** Chooses which one. */
  lot: number;
}

/**
 * The fates of the backups of one database: always the same for a seed. One backup may be killed, one may be an archive, and
 * one may find a pack damaged. The first one is always whole, and the last one is what the histories come to.
 */
export function planFates(seed: number, steps: number): Fate[] {
  const random = new Random(seed);
  const middle = Array.from({ length: steps - 2 }, (_, index) => index + 1);
  const [one, other] = random.some(middle, 2);
  const killed = random.oneIn(6) ? undefined : one;
  const archive = random.oneIn(3) ? other : undefined;
  const damaged = random.oneIn(2) ? 1 + random.pick(middle) : undefined;
  return Array.from({ length: steps }, (_, step) => ({
    format: step === archive ? "archive" : "blocks",
    isKilled: step === killed,
    damage: step === damaged ? random.pick(["deleted", "cut"]) : "none",
    lot: random.below(1_000_000),
  }));
}
