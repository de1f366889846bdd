import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  renderTemplateMark,
  readTemplateMark,
  type TemplateContent,
} from "../../../src/replace/template/mark.ts";
import { hasRoom } from "../../../src/replace/template/room.ts";
import { judgeTemplate } from "../../../src/replace/template/use.ts";

const CONTENT: TemplateContent = {
  origin: "backup 20261121T040000Z-k3v9qa",
  digest: "a".repeat(64),
  run: "20261121T050000Z-abc123",
  locale: null,
  leftOut: [],
  missingExtensions: [],
};

describe("the mark of a template", () => {
  test("says whose it is and what it holds, whatever is in it", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, fc.option(text), fc.array(text), (target, locale, leftOut) => {
        const content = { ...CONTENT, locale, leftOut };
        expect(readTemplateMark(renderTemplateMark(target, content) ?? null)).toEqual({ target, content });
      }),
    );
  });

  test("still says whose it is where the rest is damaged, wherever", () => {
    const comment = renderTemplateMark("shop", { ...CONTENT, leftOut: ["POLICY"] }) ?? "";
    const begin = comment.indexOf("{");
    for (let end = begin; end < comment.length - 1; end++) {
      const mark = readTemplateMark(comment.slice(0, end));
      expect(mark, comment.slice(0, end)).toEqual({ target: "shop", content: undefined });
    }
  });

  test.for<[string, object]>([
    ["another key", { ...CONTENT, later: 1 }],
    ["a digest that is none", { ...CONTENT, digest: "a" }],
    ["a run that is none", { ...CONTENT, run: 'x"; DROP ROLE postgres' }],
    ["something missing", { ...CONTENT, leftOut: undefined }],
  ])("with %s says nothing of what it holds", ([, content]) => {
    const comment = `[dataops: template of "shop": ${JSON.stringify(content)}]`;
    expect(readTemplateMark(comment)).toEqual({ target: "shop", content: undefined });
  });

  test.for([
    null,
    "",
    "the shop",
    "[dataops: template of shop: {}]",
    'see [dataops: template of "shop": {}]',
  ])("is not in %j", (comment) => {
    expect(readTemplateMark(comment)).toBeUndefined();
  });

  test("is not made too long to be read", () => {
    const leftOut = Array.from({ length: 5 }, () => "x".repeat(1024 * 1024));
    expect(renderTemplateMark("shop", { ...CONTENT, leftOut })).toBeUndefined();
  });
});

test.for<[string, TemplateContent | undefined, string]>([
  ["the same", CONTENT, "usable"],
  ["the same, called otherwise", { ...CONTENT, origin: "seeds" }, "usable"],
  ["something else", { ...CONTENT, digest: "c".repeat(64) }, "other"],
  ["nothing that can be read", undefined, "damaged"],
])("a template of %s is judged", ([, content, verdict]) => {
  expect(judgeTemplate(content, CONTENT.digest)).toBe(verdict);
});

const GiB = 1024 ** 3;

test.for([
  { size: 10 * GiB, free: undefined, fits: true },
  { size: 10 * GiB, free: 11 * GiB, fits: true },
  { size: 10 * GiB, free: 11 * GiB - 1, fits: false },
  { size: 100 * GiB, free: 109 * GiB, fits: false },
  { size: 100 * GiB, free: 110 * GiB, fits: true },
  { size: 0, free: GiB - 1, fits: false },
])("a copy of $size bytes where $free are free fits: $fits", ({ fits, ...room }) => {
  expect(hasRoom(room)).toBe(fits);
});
