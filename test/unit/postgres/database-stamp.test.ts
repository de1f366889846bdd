import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findStamp, stampComment } from "../../../src/postgres/database-stamp.ts";
import { addMark, readMark, removeMark } from "../../../src/replace/swap/old-mark.ts";

describe("a stamp is found", () => {
  test.for<[string, readonly string[], string | null, string | undefined]>([
    ["nowhere", [], null, undefined],
    ["nowhere among other things", ["work_mem=1MB", "dataops.environments=x"], "staging", undefined],
    ["as a setting, however it is spelled", ["work_mem=1MB", "DataOps.Environment=Prod"], null, "Prod"],
    ["in the comment", [], "[dataops: environment staging]", "staging"],
    ["below other lines", ["work_mem=1MB"], "ask ops\n[dataops: environment staging]", "staging"],
    ["above other lines", [], "[dataops: environment staging]\nask ops", "staging"],
    ["twice the same", ["dataops.environment=staging"], "[dataops: environment staging]", "staging"],
    ["twice", ["dataops.environment=staging"], "[dataops: environment prod]", "staging and prod"],
    ["not within a line", [], "it says [dataops: environment staging]", undefined],
    ["not where nothing is said", [], "[dataops: environment ]", undefined],
    ["in a replaced version", [], addMark("[dataops: environment staging]", "shop"), "staging"],
  ])("%s", ([, settings, comment, stamp]) => {
    expect(findStamp(settings, comment)).toBe(stamp);
  });
});

const comments = fc.option(
  fc
    .array(fc.constantFrom("ask ops", "", "[x]", "[dataops: environment old]", "$&"), { minLength: 1 })
    .map((lines) => lines.join("\n"))
    .filter((text) => text !== "" && text.split("[dataops:").length <= 2 && !text.startsWith("\n")),
  { nil: null },
);

describe("a stamp in a comment", () => {
  test("is what is found there, once, whatever stood there", () => {
    fc.assert(
      fc.property(comments, fc.stringMatching(/^[a-z][a-z0-9_-]{0,5}$/), (comment, environment) => {
        const stamped = stampComment(comment, environment);
        expect(findStamp([], stamped)).toBe(environment);
        expect(stamped?.split("[dataops: environment").length).toBe(2);
        expect(stampComment(stamped, environment)).toBe(stamped);
      }),
    );
  });

  test("goes", () => {
    fc.assert(
      fc.property(comments, (comment) => {
        expect(findStamp([], stampComment(comment, null))).toBeUndefined();
      }),
    );
  });

  test("leaves the rest when it goes", () => {
    const unstamped = comments.filter((comment) => findStamp([], comment) === undefined);
    fc.assert(
      fc.property(unstamped, (comment) => {
        expect(stampComment(comment, null)).toBe(comment);
        expect(stampComment(stampComment(comment, "staging"), null)).toBe(comment);
      }),
    );
  });

  test("and the mark of a replaced version leave each other alone", () => {
    const both = addMark(stampComment("ask ops", "staging"), "shop");
    expect(readMark(both)).toBe("shop");
    expect(removeMark(both)).toBe("ask ops\n[dataops: environment staging]");
    expect(removeMark(stampComment(both, null))).toBe("ask ops");
    expect(readMark(stampComment(both, "review"))).toBe("shop");
  });
});
