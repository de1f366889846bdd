import { expect } from "vitest";
import type { SharedPostgres } from "../shared-servers.ts";
import type { TotalCounts } from "./block-paths.ts";
import { checkHistories } from "./check.ts";

/** Milliseconds for one database's histories. */
export const PATIENCE = 300_000;

/** Backups of each history. */
const STEPS = 5;

/** Fails with how each difference is found again. */
export async function expectEqualHistories(
  server: SharedPostgres,
  seeds: readonly number[],
  totals: TotalCounts,
): Promise<void> {
  const { differences, counts } = await checkHistories({ server, seeds, steps: STEPS });
  totals.add(counts, seeds.length);
  const { referenced, recovered, full, delta } = counts;
  process.stdout.write(
    `blocks: ${referenced} referenced, ${recovered} of killed runs, ${full} full, ${delta} deltas\n`,
  );
  const hint = `a schema's name holds its seed, and all of these are ${seeds[0]}-${seeds.at(-1)}: TEST_HISTORY_SEED=… npx vitest run test/integration/histories`;
  expect(differences, hint).toEqual([]);
}
