import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DataopsError, messageOf } from "../errors.ts";
import { checkParameters, type GivenParameters, type WrittenParameter } from "./connection-parameters.ts";
import type { Environment } from "./environment.ts";

/** Where packages of libpq look for `pg_service.conf`: Debian's, Red Hat's, Alpine's and Arch's. */
const SYSTEM_DIRECTORIES = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc/postgresql", "/etc"];

/** A service as `pg_service.conf` defines it. */
export interface Service {
  parameters: GivenParameters;
  /** For messages: `service shop in /home/ann/.pg_service.conf`. */
  origin: string;
}

/**
 * Looks a service up by libpq's rules: in `file` if one is named, in `PGSERVICEFILE`, else in `~/.pg_service.conf`; where
 * that has no such service, in the system's file (`PGSYSCONFDIR`).
 *
 * @throws DataopsError `usage` where no file has it, or one cannot be read or is malformed
 */
export function readService(name: string, file: string | undefined, environment: Environment): Service {
  const files = serviceFiles(file, environment);
  for (const path of files) {
    const origin = `service ${name} in ${path}`;
    const written = findService(read(path), name, origin);
    if (written !== undefined) return { parameters: checkParameters(written, origin), origin };
  }
  throw new DataopsError("usage", `there is no service ${JSON.stringify(name)}`, {
    hint:
      files.length === 0 ? "define it in ~/.pg_service.conf" : `it was looked for in ${files.join(" and ")}`,
  });
}

/** The files to look in. A named one must be there, the usual ones may be. */
function serviceFiles(file: string | undefined, environment: Environment): string[] {
  const named = file ?? environment["PGSERVICEFILE"] ?? "";
  const own = join(environment["HOME"] ?? homedir(), ".pg_service.conf");
  const configured = environment["PGSYSCONFDIR"] ?? "";
  const directories = configured === "" ? SYSTEM_DIRECTORIES : [configured];
  const system = directories
    .map((directory) => join(directory, "pg_service.conf"))
    .find((path) => existsSync(path));
  return [named === "" && existsSync(own) ? own : named, system ?? ""].filter((path) => path !== "");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new DataopsError("usage", `cannot read the service file ${path}: ${messageOf(error)}`, {
      hint: "correct PGSERVICEFILE, or check the file's mode",
      cause: error,
    });
  }
}

/**
 * The parameters of the section `[name]`; undefined where there is none.
 *
 * @throws DataopsError `usage` for a line that is no `name=value`
 */
export function findService(content: string, name: string, origin: string): WrittenParameter[] | undefined {
  const lines = content.split("\n").map((line) => line.trim());
  const start = lines.findIndex((line) => line.startsWith(`[${name}]`));
  if (start === -1) return undefined;
  const section = lines.slice(start + 1);
  const end = section.findIndex((line) => line.startsWith("["));
  const written = section.slice(0, end === -1 ? undefined : end).flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    return [parseLine(line, `${origin}, line ${start + index + 2}`)];
  });
  // The first of two counts here, unlike in URLs.
  return written.toReversed();
}

function parseLine(line: string, origin: string): WrittenParameter {
  const equals = line.indexOf("=");
  const key = line.slice(0, Math.max(equals, 0));
  if (equals === -1 || line.startsWith("ldap")) {
    throw new DataopsError("usage", `${origin}: the line is not written as name=value`, {
      hint: "no spaces around the =, no quotes; LDAP is not supported",
    });
  }
  if (key === "service" || key === "servicefile") {
    throw new DataopsError("usage", `${origin}: a service cannot refer to another`, {
      hint: "copy the other one's lines",
    });
  }
  return [key, line.slice(equals + 1)];
}
