import { describe, expect, test } from "vitest";
import {
  humanBytes,
  humanCount,
  humanDuration,
  humanName,
  humanPlural,
  humanTable,
} from "../../../src/observe/human.ts";

describe("humanBytes", () => {
  test.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1_000, "1.0 kB"],
    [99_949, "99.9 kB"],
    [99_950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [1_250_000_000, "1.3 GB"],
    [5e18, "5000 PB"],
  ])("%d -> %s", (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });
});

describe("humanDuration", () => {
  test.each([
    [-5, "0.0 s"],
    [9_999, "9.9 s"],
    [10_000, "10 s"],
    [59_999, "59 s"],
    [200_000, "3 min 20 s"],
    [3_600_000, "1 h 0 min"],
    [90_000_000, "1 d 1 h"],
  ])("%d ms -> %s", (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });
});

test("counts have thousands, and nouns their number", () => {
  expect(humanCount(1_234_567)).toBe("1,234,567");
  expect([humanPlural(0, "row"), humanPlural(1, "row"), humanPlural(2_000, "row")]).toEqual([
    "0 rows",
    "1 row",
    "2,000 rows",
  ]);
});

test("a table's columns are aligned", () => {
  const columns = [
    { title: "NAME", align: "left" },
    { title: "ROWS", align: "right" },
  ] as const;
  expect(
    humanTable(columns, [
      ["orders", "12"],
      ["x", "12345"],
    ]),
  ).toBe(["NAME     ROWS", "orders     12", "x       12345"].join("\n"));
});

test("a name from outside cannot move the cursor, nor turn the reading direction", () => {
  expect(humanName("a\n\u001B[2Jb\u202Ec 🐘 naïve")).toBe("a\\u{a}\\u{1b}[2Jb\\u{202e}c 🐘 naïve");
});
