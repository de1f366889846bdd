import { DataopsError } from "../errors.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { completionScript, SHELLS, type Shell } from "./completion-script.ts";

export interface CompletionOptions {
  shell?: Shell | undefined;
}

export const command: Command<CompletionOptions> = {
  options: (yargs) =>
    yargs.positional("shell", {
      choices: SHELLS,
      describe: "by default the one in $SHELL",
    }),
  run: runCompletion,
  exits: [],
  examples: [
    ["dataops completion bash > /etc/bash_completion.d/dataops", "for every user of bash"],
    ["dataops completion zsh > ~/.zfunc/_dataops", "for zsh, where ~/.zfunc is in fpath"],
    ["dataops completion fish > ~/.config/fish/completions/dataops.fish", "for fish"],
  ],
};

/** Prints a script that completes commands and options. */
export async function runCompletion(
  { shell }: CompletionOptions,
  { environment }: CommandContext,
): Promise<CommandResult> {
  const name = shell ?? environment["SHELL"]?.split("/").at(-1);
  const known = SHELLS.find((one) => one === name);
  if (known === undefined) {
    throw new DataopsError("usage", `no completion for the shell ${name ?? "(SHELL is not set)"}`, {
      hint: `name one: ${SHELLS.join(", ")}`,
    });
  }
  const script = await completionScript(known);
  return { exit: "done", data: { shell: known, script }, text: script };
}
