import { ENVIRONMENT_VARIABLES } from "../../src/config/environment.ts";
import { table } from "./table.ts";

/** Every environment variable that dataops reads. */
export function environmentPage(): string[] {
  return [
    "# Environment variables",
    "",
    "Where there is a configuration file, only the `DATAOPS_…` variables win over it; those that describe a database are read where there is none.",
    "Inside the file, `${NAME}` and `${NAME:-default}` take any variable. For each of these, and for each variable that the file names,",
    "`<NAME>_FILE` may name a file that holds the value.",
    "",
    ...table(
      ["variable", "meaning"],
      ENVIRONMENT_VARIABLES.map(({ name, meaning }) => [`\`${name}\``, meaning]),
    ),
  ];
}
