import fc from "fast-check";
import { expect, test } from "vitest";
import { interpolate } from "../../../src/config/interpolate.ts";

const VARIABLES: Record<string, string> = { NAME: "value", NESTED: "${NAME}", EMPTY: "" };
const read = (name: string): string | undefined => VARIABLES[name];

test.for([
  ["plain text", "plain text", []],
  ["${NAME}", "value", ["NAME"]],
  ["a-${NAME}-${NAME}", "a-value-value", ["NAME", "NAME"]],
  ["${MISSING:-default}", "default", ["MISSING"]],
  ["${MISSING:-}", "", ["MISSING"]],
  ["${MISSING:-postgres://u@h/d?a=b}", "postgres://u@h/d?a=b", ["MISSING"]],
  ["$${NAME}", "${NAME}", []],
  ["$NAME costs $5", "$NAME costs $5", []],
  ["${NESTED}", "${NAME}", ["NESTED"]],
] as const)("%s becomes %s", ([text, value, variables]) => {
  expect(interpolate(text, read)).toEqual({ value, variables });
});

test.for(["${MISSING}", "${}", "${1A}", "${A B}", "${A-b}"])("%s is refused", (text) => {
  expect(() => interpolate(text, read)).toThrow(/not set|is written/);
});

test("a value arrives as it is, whatever is in it", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      expect(interpolate("<${A}>", () => value).value).toBe(`<${value}>`);
    }),
  );
});
