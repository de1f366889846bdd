import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

export interface Options {
  /** Slots of each job, one a minute. */
  minutes: number;
  /** What the faults and their order follow from. */
  seed: number;
  /** A folder that gets a file of what each program said; undefined for none. */
  logs: string | undefined;
}

/** @throws Error where an option is unknown, or not a positive whole number */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "10" },
      seed: { type: "string" },
      logs: { type: "string" },
    },
  });
  return {
    minutes: positive("minutes", values.minutes),
    seed: values.seed === undefined ? randomInt(1, 1_000_000) : positive("seed", values.seed),
    logs: values.logs,
  };
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} is not a positive whole number: ${text}`);
}
