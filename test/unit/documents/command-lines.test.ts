import { describe, expect, test } from "vitest";
import { findCommand, parseCommand, parseWithoutCommand } from "../../../src/commands/parse.ts";
import { codeLines, markdownPages, withoutCode, type Page } from "../../support/markdown-pages.ts";
import { shellWords } from "../../support/shell-words.ts";

/** `dataops …` at a line's start, after variables, a prompt, a pipe or `&&`, or from a checkout. */
const COMMAND = /(?:^|[|;&] )(?:\$ )?(?:[A-Z_]+=\S* )*(?:dataops|npm run -s dataops --) (.+)$/;

/** `dataops …` in a sentence, with arguments: a command's name alone speaks of it. */
const QUOTED = /`dataops ([^`\n]+ [^`\n]+)`/g;

/** The reference's headings: `dataops show <id>`. */
const HEADING = /^#.*$/gm;

/** Every command that a page tells its readers to type. */
function commandsOf({ text }: Page): string[] {
  const lines = codeLines(text).flatMap((line) => COMMAND.exec(line)?.slice(1) ?? []);
  const quoted = [...withoutCode(text).replaceAll(HEADING, "").matchAll(QUOTED)].map(([, line = ""]) => line);
  return [...lines, ...quoted];
}

/** Why the program would not take a line; undefined where it does. */
async function refusal(line: string): Promise<string | undefined> {
  const args = shellWords(line);
  // `[database]`, `<id>` and `…` stand for what a reader fills in; `print iam-policy|task-definition` for either.
  const filled = args
    .filter((word) => word !== "…" && word !== "ARGS")
    .map((word) => word.replace(/^\[(.+)\]$/, "$1").split("|", 1)[0] ?? word);
  try {
    const entry = findCommand(filled);
    if (entry === undefined) parseWithoutCommand(filled);
    else await parseCommand(entry, filled);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

// All commands' modules are loaded for it.
test("every dataops command in the pages is one that the program takes", { timeout: 60_000 }, async () => {
  const pagesOf = new Map<string, string[]>();
  for (const page of await markdownPages()) {
    // Those are of their day.
    if (page.path.startsWith("docs/adr/")) continue;
    for (const line of commandsOf(page)) pagesOf.set(line, [...(pagesOf.get(line) ?? []), page.path]);
  }
  const refused: string[] = [];
  for (const [line, pages] of pagesOf) {
    const why = await refusal(line);
    if (why !== undefined) refused.push(`${pages.join(", ")}: dataops ${line}: ${why}`);
  }
  expect(refused).toEqual([]);
  expect(pagesOf.size).toBeGreaterThan(60);
});

describe("a line", { timeout: 60_000 }, () => {
  test.for([
    ["restore 20261121T04 --to staging", /^taken$/],
    ["restore 20261121T04 --to staging --forse", /^unknown option or argument: forse/],
    ["bakcup production", /^there is no command "bakcup"/],
    ["print iam-policy --role owner", /owner/],
    ["backup production    # with a comment --unheard-of", /^taken$/],
  ] as const)("%s", async ([line, expected]) => {
    expect((await refusal(line)) ?? "taken").toMatch(expected);
  });
});
