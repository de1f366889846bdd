import { expect, test } from "vitest";
import { isNearEnough } from "../../../src/reindex/lag.ts";

test.for([
  ["nothing was caught up yet", [], false],
  ["it is near", [900], true],
  ["it is far, and nobody knows whether it gets nearer", [30_000], false],
  ["it gets nearer", [30_000, 9_000], false],
  ["it is near at last", [30_000, 9_000, 2_000, 800], true],
  ["it gets nearer no more", [30_000, 9_000, 8_000], true],
  ["it never ends", Array.from({ length: 20 }, (_, pass) => 1e9 / 2 ** pass), true],
] as const)("%s", ([, lags, expected]) => {
  expect(isNearEnough(lags)).toBe(expected);
});
