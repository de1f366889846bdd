import { expect, test } from "vitest";
import { overview } from "../../../src/commands/help.ts";
import { COMMANDS } from "../../../src/commands/index.ts";
import { EXIT_CODES } from "../../../src/errors.ts";

test("the overview names every code that some command ends with", { timeout: 60_000 }, async () => {
  const told = overview();
  const commands = await Promise.all(COMMANDS.map(async (entry) => (await entry.load()).command));
  for (const exit of new Set(commands.flatMap(({ exits }) => exits))) {
    const { code, meaning } = EXIT_CODES[exit];
    expect(told).toContain(`${String(code).padStart(5)}  ${meaning}`);
  }
});
