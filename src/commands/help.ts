import { EXIT_CODES, type ExitName } from "../errors.ts";
import { COMMANDS } from "./index.ts";

// eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a table whose type they make
const EXIT_NAMES = Object.keys(EXIT_CODES) as ExitName[];

/** The overview that `dataops --help` prints. Plain text from the list of commands: nothing else has to be loaded. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length));
  const groups = [...new Set(COMMANDS.map(({ group }) => group))].map((group) => {
    const lines = COMMANDS.filter((entry) => entry.group === group).map(
      ({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`,
    );
    return [`${group}:`, ...lines].join("\n");
  });
  return [
    "dataops: PostgreSQL backups to S3, and safely back from there.",
    "Usage: dataops <command> [options]",
    ...groups,
    ["Options for every command:", ...GLOBAL_OPTION_LINES].join("\n"),
    ["Exit codes:", ...exitCodeLines(EXIT_NAMES)].join("\n"),
    [
      "Examples:",
      "  dataops backup production",
      "  dataops fetch-latest-db",
      "  dataops restore --help",
    ].join("\n"),
  ].join("\n\n");
}

const GLOBAL_OPTION_LINES = [
  "  --config FILE  the configuration (dataops.config.yaml here, or DATAOPS_CONFIG)",
  "  --json         one JSON document on stdout, progress as lines of JSON on stderr",
  "  --quiet        say nothing but results, warnings and errors",
  "  --help         help for a command; --version: the version",
];

/** `  13  refused by the guard or a preflight` */
export function exitCodeLines(exits: readonly ExitName[]): string[] {
  return exits
    .map((exit) => EXIT_CODES[exit])
    .sort((left, right) => left.code - right.code)
    .map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
}
