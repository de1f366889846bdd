import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runInit } from "../../../src/commands/init.ts";
import { commandContext } from "../../support/command-context.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("init asks nothing where its file exists already, and leaves it", async () => {
  const path = join(await temporaryFolder("init"), "mine.yaml");
  await writeFile(path, "mine");
  const asked: string[] = [];
  const context = await commandContext("", {
    ask: (question) => {
      asked.push(question);
      return Promise.resolve("");
    },
  });
  await expect(runInit({ output: path }, context)).rejects.toMatchObject({ exit: "usage" });
  expect(asked).toEqual([]);
  expect(await readFile(path, "utf8")).toBe("mine");
});
