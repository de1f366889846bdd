import type { CommandContext, CommandResult } from "../../src/commands/command.ts";
import { findCommand, parseCommand } from "../../src/commands/parse.ts";

/** Runs a command line in this process, as it is typed behind `dataops`. */
export async function runHere(args: readonly string[], context: CommandContext): Promise<CommandResult> {
  const entry = findCommand(args);
  if (entry === undefined) throw new Error("no command is named");
  const invocation = await parseCommand(entry, args);
  if (invocation.kind === "text") throw new Error(invocation.text);
  return await invocation.command.run(invocation.options, context);
}
