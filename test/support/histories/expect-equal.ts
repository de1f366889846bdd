import { expect } from "vitest";
import type { SharedPostgres } from "../shared-servers.ts";
import { checkHistories } from "./check.ts";

/** Milliseconds for one database's histories. */
export const PATIENCE = 300_000;

/** Backups of each history. */
const STEPS = 5;

/** Fails with how each difference is found again. */
export async function expectEqualHistories(server: SharedPostgres, seeds: readonly number[]): Promise<void> {
  const { differences, paths } = await checkHistories({ server, seeds, steps: STEPS });
  process.stdout.write(`blocks: ${paths.referenced} referenced, ${paths.full} full, ${paths.delta} deltas\n`);
  const hint = `a schema's name holds its seed: TEST_HISTORY_SEED=… npx vitest run test/integration/histories`;
  expect(differences, hint).toEqual([]);
  // One history alone may never keep a block.
  if (seeds.length === 1) return;
  expect(paths.referenced, "blocks are referenced").toBeGreaterThan(0);
  expect(paths.full, "blocks are written").toBeGreaterThan(0);
}
