import { humanName } from "../observe/human.ts";
import type { Confirmation } from "../replace/guard/destructive.ts";
import type { CommandContext } from "./command.ts";

/** The yes that replacing a database needs: `--yes`, or its name typed at the terminal. */
export function confirmationFrom(yes: boolean, database: string, { ask }: CommandContext): Confirmation {
  if (yes || ask === undefined) return { confirmed: yes };
  return {
    confirmed: false,
    ask: async (question) =>
      (await ask(`${humanName(question)}.\nType the database's name to go on: `)) === database,
  };
}
