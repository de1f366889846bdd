import { expect, test } from "vitest";
import { hang } from "../../../src/observe/wrap.ts";

test.each([
  { name: "what fits stays", text: "one two", columns: 30, lines: ["a: one two"] },
  {
    name: "to the last column",
    text: "one two three four five",
    columns: 26,
    lines: ["a: one two three four five"],
  },
  {
    name: "one column less breaks at a space, below its beginning",
    text: "one two three four five",
    columns: 25,
    lines: ["a: one two three four", "   five"],
  },
  {
    name: "a long word stays whole",
    text: `one ${"x".repeat(40)} two`,
    columns: 25,
    lines: ["a: one", `   ${"x".repeat(40)}`, "   two"],
  },
  {
    name: "the narrowest screen is written on all the same",
    text: "one two three four five",
    columns: 5,
    lines: ["a: one two three four", "   five"],
  },
  {
    name: "a number stays with its unit",
    text: "it all took  3 min 20 s, or more",
    columns: 23,
    lines: ["a: it all took 3 min", "   20 s, or more"],
  },
  { name: "nothing", text: "", columns: 30, lines: ["a: "] },
])("$name", ({ text, columns, lines }) => {
  expect(hang("a: ", text, columns)).toEqual(lines);
});
