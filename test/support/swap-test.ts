import type { PostgresClient } from "../../src/postgres/client.ts";
import type { ExchangeOutcome } from "../../src/replace/swap/exchange.ts";
import { swap, type SwapOptions } from "../../src/replace/swap/swap.ts";
import { connectMaintenance } from "../../src/replace/guard/target-facts.ts";
import { test as base, type TestDatabase } from "./postgres-test.ts";
import {
  connection,
  createScratch,
  dropOthers,
  exchangeOptions,
  fill,
  permit,
  RUN_ID,
} from "./restore-target.ts";

interface Fixtures {
  /** The test's database, filled with `current`, beside a scratch database filled with `new`. */
  target: TestDatabase;
  maintenance: PostgresClient;
}

/** Vitest's `test` with a database to replace, and one to replace it with. */
export const test = base.extend<Fixtures>({
  target: async ({ database }, use) => {
    await fill(database, database.name, "current");
    await createScratch(database);
    await use(database);
    await dropOthers(database);
  },
  maintenance: async ({ database }, use) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    await use(maintenance);
  },
});

export function optionsFor(target: TestDatabase, changes: Partial<SwapOptions> = {}): SwapOptions {
  return { ...exchangeOptions, keepOld: true, scratch: `${target.name}__new_${RUN_ID}`, ...changes };
}

/** Has the guard give permission, and swaps. */
export async function swapNow(
  maintenance: PostgresClient,
  target: TestDatabase,
  changes: Partial<SwapOptions> = {},
): Promise<ExchangeOutcome> {
  const permission = await permit(maintenance, target.settings);
  return await swap(permission, optionsFor(target, changes));
}
