import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { anchorsOf, markdownPages, ROOT, withoutCode, type Page } from "../../support/markdown-pages.ts";

/** `[text](target)` and `![text](target)`: the target. */
const LINK = /\]\(([^)\s]+)\)/g;

/** What is wrong with a page's links to files and headings of the checkout. */
async function brokenLinks({ path, text }: Page): Promise<string[]> {
  const broken: string[] = [];
  for (const [, target = ""] of withoutCode(text)
    .replaceAll(/`[^`\n]*`/g, "")
    .matchAll(LINK)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = "", heading] = target.split("#", 2);
    const linked = file === "" ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(ROOT, linked))) broken.push(`${path}: there is no ${linked}`);
    else if (
      heading !== undefined &&
      !anchorsOf(linked === path ? text : await readFile(join(ROOT, linked), "utf8")).has(heading)
    )
      broken.push(`${path}: ${linked} has no heading #${heading}`);
  }
  return broken;
}

test("every link between pages leads to a file, and to a heading that it has", async () => {
  const pages = await markdownPages();
  expect(pages.map(({ path }) => path)).toContain("README.md");
  expect((await Promise.all(pages.map(brokenLinks))).flat()).toEqual([]);
});

test.for([
  ["a file that is not there", "[x](docs/nowhere.md)", ["README.md: there is no docs/nowhere.md"]],
  [
    "a heading that is not there",
    "[x](docs/recovery.md#nothing)",
    ["README.md: docs/recovery.md has no heading #nothing"],
  ],
  ["a heading that is", "[x](docs/recovery.md#restoring-by-hand)", []],
  ["its own heading", "# One thing\n[x](#one-thing)", []],
  ["elsewhere", "[x](https://example.com/nowhere.md)", []],
] as const)("a link to %s", async ([, text, broken]) => {
  expect(await brokenLinks({ path: "README.md", text })).toEqual(broken);
});
