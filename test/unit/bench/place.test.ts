import { expect, test } from "vitest";
import { appeared, totalSize } from "../../../bench/place.ts";

test("what appeared is what is new or changed, not what was there or went", () => {
  const before = new Map([
    ["same", { size: 1, tag: "a" }],
    ["changed", { size: 2, tag: "a" }],
    ["gone", { size: 4, tag: "a" }],
  ]);
  const after = new Map([
    ["same", { size: 1, tag: "a" }],
    ["changed", { size: 8, tag: "b" }],
    ["new", { size: 16, tag: "a" }],
  ]);
  const found = appeared(before, after);
  expect([...found.keys()]).toEqual(["changed", "new"]);
  expect(totalSize(found)).toBe(24);
});
