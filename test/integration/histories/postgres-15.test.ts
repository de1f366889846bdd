import { test } from "../../support/postgres-test.ts";
import { chooseSeeds } from "../../support/histories/choice.ts";
import { expectEqualHistories, PATIENCE } from "../../support/histories/expect-equal.ts";

test.for(chooseSeeds(process.env, 0))(
  "every backup of random histories comes back equal on PostgreSQL 15: seeds from %i",
  { timeout: PATIENCE },
  ([...seeds], { postgres15 }) => expectEqualHistories(postgres15, seeds),
);
