import { readFileSync } from "node:fs";
import { DataopsError, messageOf } from "../errors.ts";
import type { Environment } from "./environment.ts";

/** Bytes. A secret that is longer is no secret but a mistake in a path. */
const MAX_FILE_SIZE = 64 * 1024;

/**
 * The value of an environment variable, or the content of the file that `<NAME>_FILE` names, as secrets are mounted into
 * containers; without its final line break. Undefined where neither is set; an empty variable counts as not set.
 *
 * @throws DataopsError `usage` where both are set, or the file cannot be read
 */
export function readVariable(environment: Environment, name: string): string | undefined {
  const value = emptyToUndefined(environment[name]);
  const path = emptyToUndefined(environment[`${name}_FILE`]);
  if (path === undefined) return value;
  if (value !== undefined) {
    throw new DataopsError("usage", `both ${name} and ${name}_FILE are set`, { hint: "unset one of them" });
  }
  return readSecretFile(path, name);
}

function readSecretFile(path: string, name: string): string {
  try {
    const content = readFileSync(path);
    if (content.byteLength > MAX_FILE_SIZE) throw new Error(`it is larger than ${MAX_FILE_SIZE} bytes`);
    return content.toString("utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new DataopsError("usage", `cannot read the file that ${name}_FILE names: ${messageOf(error)}`, {
      hint: `correct ${name}_FILE, or set ${name} itself`,
      cause: error,
    });
  }
}

function emptyToUndefined(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
