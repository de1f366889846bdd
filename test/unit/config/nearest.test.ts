import { expect, test } from "vitest";
import { nearest } from "../../../src/config/nearest.ts";

test.for([
  ["enviroment", "environment"],
  ["bakcup", "backup"],
  ["Restore", "restore"],
  ["xyz", undefined],
  ["", undefined],
  ["b", undefined],
] as const)("%s was meant to be %s", ([word, meant]) => {
  expect(nearest(word, ["environment", "backup", "restore"])).toBe(meant);
});
