import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ConnectionSettings } from "../config/connection.ts";
import type { Environment } from "../config/environment.ts";

/** One line of a passfile, `:` and `\` escaped, so that a name or a password with either arrives whole. */
export function renderPassfileLine(fields: readonly string[]): string {
  for (const field of fields) {
    if (/[\n\r\0]/.test(field)) throw new RangeError("a passfile cannot hold line breaks");
  }
  return `${fields.map((field) => field.replaceAll(/[\\:]/g, (character) => `\\${character}`)).join(":")}\n`;
}

/**
 * The password that the user's own passfile (`PGPASSFILE`, else `~/.pgpass`) has for these settings, by libpq's rules:
 * the first line that matches wins, `*` matches anything, a file that others can read is ignored.
 */
export async function passwordFromPassfile(
  settings: ConnectionSettings,
  environment: Environment,
): Promise<string | undefined> {
  const content = await readPassfile(environment);
  return content === undefined ? undefined : findPassword(content, settings);
}

/** The password in the first line of `content` that matches `settings`. */
export function findPassword(
  content: string,
  settings: Pick<ConnectionSettings, "host" | "port" | "database" | "user">,
): string | undefined {
  const host = settings.host.startsWith("/") ? ["localhost", settings.host] : [settings.host];
  const wanted = [host, [String(settings.port)], [settings.database], [settings.user]];
  for (const line of content.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = splitLine(line);
    const password = fields[4];
    if (password === undefined || password === "") continue;
    if (wanted.every((values, index) => fields[index] === "*" || values.includes(fields[index] ?? "")))
      return password;
  }
  return undefined;
}

/** Splits at colons that no backslash precedes; what follows the fourth belongs to the password. */
function splitLine(line: string): string[] {
  const fields = [""];
  for (let index = 0; index < line.length; index++) {
    const character = line[index] ?? "";
    if (character === ":" && fields.length < 5) {
      fields.push("");
      continue;
    }
    const escaped = character === "\\" && index + 1 < line.length;
    if (escaped) index++;
    fields[fields.length - 1] += escaped ? (line[index] ?? "") : character;
  }
  return fields;
}

async function readPassfile(environment: Environment): Promise<string | undefined> {
  const path =
    environment["PGPASSFILE"] ??
    (environment["HOME"] === undefined ? undefined : join(environment["HOME"], ".pgpass"));
  if (path === undefined || path === "") return undefined;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) return undefined;
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
