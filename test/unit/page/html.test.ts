import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { html } from "../../../src/page/html.ts";

describe("what is put into a page", () => {
  test.for([
    ["markup", `<script>alert("1")</script>`, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"],
    ["the end of an attribute", `' onload="x" \``, "&#39; onload=&quot;x&quot; &#96;"],
    ["an entity", "&lt;", "&amp;lt;"],
    ["a control character", "a\u0000b\u001Bc", "a\\u{0}b\\u{1b}c"],
    ["what turns the direction", "a\u202Eb", "a\\u{202e}b"],
    ["an emoji of several", "👩‍🚀 é", "👩‍🚀 é"],
    ["half an emoji", "a\uD83D", "a\uFFFD"],
    ["a number", 1.5, "1.5"],
    ["nothing", undefined, ""],
    ["HTML", html`<b>${"<"}</b>`, "<b>&lt;</b>"],
    ["a list", [html`<i></i>`, "<", [1]], "<i></i>&lt;1"],
  ] as const)("%s", ([, value, expected]) => {
    expect(html`[${value}]`.toString()).toBe(`[${expected}]`);
  });

  test("never opens a tag, nor ends an attribute, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const inner = html`${text}`.toString();
        expect(inner).not.toMatch(/[<>"'`]/);
        expect(inner.replaceAll(/&(amp|lt|gt|quot|#39|#96);/g, "")).not.toContain("&");
      }),
    );
  });
});
