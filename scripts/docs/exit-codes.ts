import { EXIT_CODES } from "../../src/errors.ts";
import { table } from "./table.ts";

/** Every exit code, with the name that `--json` gives it. */
export function exitCodesPage(): string[] {
  const rows = Object.entries(EXIT_CODES).map(([name, { code, meaning }]) => [
    String(code),
    `\`${name}\``,
    meaning,
  ]);
  return [
    "# Exit codes",
    "",
    'An expected failure is one line and a hint on stderr; with `--json`, `{ "error": { exit, code, message, hint } }` on stdout. These numbers',
    "do not change.",
    "",
    ...table(["code", "name", "meaning"], rows),
  ];
}
