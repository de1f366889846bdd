import { glob, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The folder of the checkout. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A page that people read. */
export interface Page {
  /** From the checkout's folder: `docs/recovery.md`. */
  path: string;
  text: string;
}

/** README, contributing, changelog and all below docs, by path. */
export async function markdownPages(): Promise<Page[]> {
  const paths = await Array.fromAsync(glob(["*.md", "docs/**/*.md", "deploy/**/*.md"], { cwd: ROOT }));
  return await Promise.all(
    paths.toSorted().map(async (path) => ({ path, text: await readFile(`${ROOT}${path}`, "utf8") })),
  );
}

/** The lines of a page's blocks of code, four spaces or fenced, without what sets them in. */
export function codeLines(text: string): string[] {
  let isFenced = false;
  return text.split("\n").flatMap((line) => {
    if (line.startsWith("```")) {
      isFenced = !isFenced;
      return [];
    }
    if (isFenced) return [line];
    return line.startsWith("    ") ? [line.slice(4)] : [];
  });
}

/** The anchors of a page's headings, as GitHub makes them: `## A "stale" backup` is `a-stale-backup`. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ""] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, "")
      .replaceAll(" ", "-");
    // A second heading of the same words gets a number.
    let anchor = plain;
    for (let number = 1; anchors.has(anchor); number += 1) anchor = `${plain}-${number}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The text without its blocks of code, which are no links and no headings. */
export function withoutCode(text: string): string {
  return text.replaceAll(/^```[^]*?^```/gm, "").replaceAll(/^ {4}.*$/gm, "");
}

/** The lines of a page that are to be typed, as one script: its paragraphs of code, but for those that leave something to the reader (`…`). */
export function linesToType(text: string): string {
  const paragraphs = text.split(/\n(?! {4}|\n)/).map((paragraph) =>
    paragraph
      .split("\n")
      .filter((line) => line.startsWith("    "))
      .map((line) => line.slice(4))
      .join("\n"),
  );
  return paragraphs.filter((lines) => lines !== "" && !lines.includes("…")).join("\n");
}
