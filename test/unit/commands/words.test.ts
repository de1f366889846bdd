import { expect, test } from "vitest";
import { findCommand, parseCommand } from "../../../src/commands/parse.ts";

async function parsed(...args: string[]): Promise<unknown> {
  const entry = findCommand(args);
  if (entry === undefined) throw new Error("no command");
  const invocation = await parseCommand(entry, args);
  return invocation.kind === "run" ? invocation.options : invocation;
}

test("a command that takes words gets all of them, in their order", async () => {
  expect(await parsed("reindex", "rollback", "products")).toMatchObject({ words: ["rollback", "products"] });
  expect(await parsed("reindex", "products", "people", "--adopt")).toMatchObject({
    words: ["products", "people"],
    adopt: true,
  });
  expect(await parsed("reindex")).toMatchObject({ words: [] });
});

test("an option that is given twice is none of them", async () => {
  await expect(parsed("reindex", "rollback", "products", "--to", "a", "--to", "b")).rejects.toThrow(
    "--to is given more than once",
  );
});
