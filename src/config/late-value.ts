import { DataopsError } from "../errors.ts";
import type { Environment } from "./environment.ts";
import { interpolate, InterpolationError } from "./interpolate.ts";
import { readVariable } from "./variables.ts";

/**
 * Puts variables into a value that is needed only now. `origin` is where it stands, for messages.
 *
 * @throws DataopsError `usage` where a variable is not set, or none is what is written there
 */
export function resolveLateValue(text: string, origin: string, environment: Environment): string {
  try {
    return interpolate(text, (name) => readVariable(environment, name)).value;
  } catch (error) {
    if (!(error instanceof InterpolationError)) throw error;
    const { variable } = error;
    throw new DataopsError("usage", `${origin}: ${error.message}`, {
      hint: variable === undefined ? "write $${ for a literal ${" : `set ${variable}, or ${variable}_FILE`,
    });
  }
}
