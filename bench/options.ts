import { parseArgs } from "node:util";
import { parseSize } from "./size.ts";

export interface Options {
  /** Bytes of each database to measure with. */
  sizes: number[];
  /** How many times each contender runs. */
  runs: number;
  /** Whether to measure twelve backups of a churning database as well. */
  churn: boolean;
  /** Whether docs/benchmarks.md is written. */
  write: boolean;
  /** Whether what has that id is measured. */
  isWanted: (id: string) => boolean;
}

/** What is asked for where nothing is said. */
const DEFAULT_SIZES = ["100MB", "1.25GB"];

/** Ids that are neither a backup's nor a restore's. */
export const CHURN = "churn";
export const HELP = "help";

/**
 * Reads the command line.
 *
 * @param ids of all that can be measured
 * @throws Error where an option or an id is unknown, a size is none, or a number is not a positive whole one
 */
export function parseOptions(args: readonly string[], ids: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: "string", default: DEFAULT_SIZES, multiple: true },
      runs: { type: "string", default: "3" },
      only: { type: "string", multiple: true },
      churn: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs is not a number of runs: ${values.runs}`);
  const only = values.only?.flatMap((list) => list.split(","));
  const unknown = only?.find((id) => !ids.includes(id));
  if (unknown !== undefined) throw new Error(`--only knows no ${unknown}; it knows ${ids.join(", ")}`);
  return {
    sizes: values.size.map((size) => parseSize(size)),
    runs,
    churn: values.churn || only?.includes(CHURN) === true,
    write: values.write,
    isWanted: (id) => only === undefined || only.includes(id),
  };
}
