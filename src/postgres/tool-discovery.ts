import { execFile } from "node:child_process";
import { access, constants, readdir, realpath } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { promisify } from "node:util";
import { DataopsError } from "../errors.ts";
import { environmentForTools } from "./settings-for-tools.ts";
import type { Environment } from "../config/environment.ts";

/** One folder with a `pg_dump` and a `pg_restore`. */
export interface InstalledTools {
  major: number;
  minor: number;
  /** As the programs say it: `15.20 (Debian 15.20-0+deb12u1)`. */
  version: string;
  /** The folder, without symbolic links. */
  directory: string;
}

/** Where packages put the programs of several majors beside each other; `*` is one folder of any name. */
const PACKAGE_DIRECTORIES = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/usr/libexec/postgresql*",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/opt/homebrew/opt/libpq/bin",
  "/usr/local/opt/postgresql@*/bin",
  "/usr/local/opt/libpq/bin",
  "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
  "/home/linuxbrew/.linuxbrew/opt/libpq/bin",
  "/Applications/Postgres.app/Contents/Versions/*/bin",
  "/usr/local/pgsql/bin",
];

/** The environment variable that replaces all of the above: folders, colon-separated. */
const OWN_DIRECTORIES = "DATAOPS_POSTGRES_BIN";

/** `pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`, `… 18beta1`, `… 9.6.24`. */
const VERSION_LINE = /^\S+ \(PostgreSQL\) ((\d+)(?:\.(\d+))?.*)$/;

/** Milliseconds for `pg_dump --version`. */
const VERSION_TIMEOUT = 10_000;

/**
 * Finds every folder with PostgreSQL's client programs, newest first. What `PATH` puts first does not matter:
 * the choice is made by version.
 *
 * @throws DataopsError `tool` where `DATAOPS_POSTGRES_BIN` names a folder without them
 */
export async function discoverTools(environment: Environment): Promise<InstalledTools[]> {
  const own = environment[OWN_DIRECTORIES];
  const directories = own === undefined || own === "" ? await usualDirectories(environment) : splitPath(own);
  const real = await Promise.all(directories.map((directory) => realpath(directory).catch(() => directory)));
  const found = await Promise.all([...new Set(real)].map((directory) => inspect(directory, environment)));
  const installed = found.filter((tools) => tools !== undefined);
  const missing = real.find((directory) => !installed.some((tools) => tools.directory === directory));
  if (own !== undefined && own !== "" && missing !== undefined) {
    throw new DataopsError(
      "tool",
      `${OWN_DIRECTORIES} names ${missing}, which has no working pg_dump and pg_restore`,
      {
        hint: `correct ${OWN_DIRECTORIES}, or remove it to have the usual places searched`,
      },
    );
  }
  return installed.sort((a, b) => b.major - a.major || b.minor - a.minor);
}

async function usualDirectories(environment: Environment): Promise<string[]> {
  const packaged = await Promise.all(PACKAGE_DIRECTORIES.map(expand));
  return [...packaged.flat(), ...splitPath(environment["PATH"] ?? "")];
}

/** Empty and relative entries mean the working folder: no place to run programs from. */
function splitPath(path: string): string[] {
  return path.split(delimiter).filter((directory) => directory.startsWith("/"));
}

/** The folders that a pattern with at most one `*` stands for. */
async function expand(pattern: string): Promise<string[]> {
  const segments = pattern.split("/");
  const star = segments.findIndex((segment) => segment.includes("*"));
  if (star === -1) return [pattern];
  const parent = segments.slice(0, star).join("/");
  const [before = "", after = ""] = (segments[star] ?? "").split("*");
  const names = await readdir(parent).catch(() => []);
  const matching = names.filter((name) => name.startsWith(before) && name.endsWith(after));
  return matching.map((name) => [parent, name, ...segments.slice(star + 1)].join("/"));
}

async function inspect(directory: string, environment: Environment): Promise<InstalledTools | undefined> {
  try {
    const programs = ["pg_dump", "pg_restore"].map((name) => join(directory, name));
    for (const program of programs) {
      await access(program, constants.X_OK);
      // Debian's /usr/bin/pg_dump runs the version of some cluster on this machine, not one that we chose.
      if (basename(await realpath(program)) === "pg_wrapper") return undefined;
    }
    const { stdout } = await promisify(execFile)(join(directory, "pg_dump"), ["--version"], {
      env: environmentForTools(environment, {}),
      timeout: VERSION_TIMEOUT,
    });
    const version = parseVersion(stdout.trim());
    return version === undefined ? undefined : { ...version, directory };
  } catch {
    return undefined;
  }
}

/** What a program's `--version` says; undefined for what is not PostgreSQL's. */
export function parseVersion(line: string): Omit<InstalledTools, "directory"> | undefined {
  const match = VERSION_LINE.exec(line);
  if (match?.[1] === undefined) return undefined;
  return { version: match[1], major: Number(match[2]), minor: Number(match[3] ?? 0) };
}
