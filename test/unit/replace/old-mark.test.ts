import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addMark, readMark, removeMark } from "../../../src/replace/swap/old-mark.ts";

describe("the mark of a replaced database", () => {
  test("names the database, and keeps the comment", () => {
    const comment = fc.option(
      fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => readMark(text) === undefined),
    );
    fc.assert(
      fc.property(comment, fc.string({ unit: "grapheme" }), (before, target) => {
        const marked = addMark(before, target);
        expect(readMark(marked)).toBe(target);
        expect(removeMark(marked)).toBe(before);
        expect(addMark(marked, target)).toBe(marked);
      }),
    );
  });

  test.for([
    null,
    "",
    "the shop",
    '[dataops: replaced version of "app"] of Tuesday',
    'see [dataops: replaced version of "app"]',
    String.raw`[dataops: replaced version of "\q"]`,
  ])("is not in %j", (comment) => {
    expect(readMark(comment)).toBeUndefined();
  });
});
