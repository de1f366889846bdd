import { DataopsError } from "../errors.ts";

/** A configuration with things wrong in it. The message is the first of them; `config validate` shows all. */
export class ConfigError extends DataopsError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    super("usage", `${problems[0] ?? "the configuration is not valid"}${more}`, {
      hint:
        problems.length > 1
          ? "`dataops config validate` shows all of them"
          : "`dataops config schema` tells what may stand there; the reference is docs/reference/configuration.md",
    });
    this.problems = problems;
  }
}
