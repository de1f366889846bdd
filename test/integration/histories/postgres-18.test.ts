import { expect } from "vitest";
import { test } from "../../support/postgres-test.ts";
import { chooseSeeds } from "../../support/histories/choice.ts";
import { TotalCounts } from "../../support/histories/block-paths.ts";
import { expectEqualHistories, PATIENCE } from "../../support/histories/expect-equal.ts";

const totals = new TotalCounts();

test.for(chooseSeeds(process.env, 1))(
  "every backup of random histories comes back equal on PostgreSQL 18: seeds from %i",
  { timeout: PATIENCE },
  ([...seeds], { postgres18 }) => expectEqualHistories(postgres18, seeds, totals),
);

test("blocks came to be stored in every way there is", () => {
  expect(totals.rare()).toEqual([]);
});
