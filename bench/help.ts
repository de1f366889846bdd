/** Prints what `measureHelp` measures: `npm run bench:help -- --runs 20`. */
import { parseArgs } from "node:util";
import { HELP_LIMIT } from "./budgets.ts";
import { measureHelp } from "./help-time.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "20" } } });
const runs = Number(values.runs);

const lines = Object.values(await measureHelp(runs)).map(
  ({ name, seconds, ratio }) =>
    `${name.padEnd(24)} ${(seconds * 1000).toFixed(1).padStart(7)} ms  ${ratio.toFixed(2)}x\n`,
);
process.stdout.write(
  `medians of ${runs} paired runs; the budget of the built one is ${HELP_LIMIT}x\n${lines.join("")}`,
);
