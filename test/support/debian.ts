import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { ServerUnavailable } from "./server-unavailable.ts";

const run = promisify(execFile);

/** So that test processes side by side take turns: apt has one lock, and fails where another process has it. */
const LOCK = "/var/lock/dataops-tests-apt";

/** Where daemons' programs are; not in everybody's `PATH`. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin"];

/**
 * Sees to it that programs are there: installs their Debian packages where that is allowed (root on Debian).
 *
 * @param what for the message: `Ceph`
 * @throws ServerUnavailable with the command to install them, where they are not there in the end
 */
export async function requirePrograms(
  what: string,
  programs: readonly string[],
  packages: readonly string[],
): Promise<void> {
  const missing = await missingPrograms(programs);
  if (missing.length === 0) return;
  const names = packages.join(" ");
  const unavailable = (cause?: unknown): ServerUnavailable =>
    new ServerUnavailable(
      `${what} is not installed (${missing.join(", ")}): sudo apt-get install --no-install-recommends ${names}`,
      { cause },
    );
  if (!(await mayInstall())) throw unavailable();
  try {
    await installPackages(packages);
  } catch (error) {
    throw unavailable(error);
  }
  if ((await missingPrograms(programs)).length > 0) throw unavailable();
}

/** Whether this is Debian, and we are root. */
export async function mayInstall(): Promise<boolean> {
  return process.getuid?.() === 0 && (await isExecutable("/usr/bin/apt-get"));
}

/** Installs Debian packages; none of their servers is started. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const aptGet = (...args: string[]): Promise<unknown> =>
    run("flock", [LOCK, "apt-get", "--quiet", "--yes", ...args], { env });
  await aptGet("update");
  await aptGet("install", "--no-install-recommends", ...packages);
}

async function missingPrograms(programs: readonly string[]): Promise<string[]> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  const found = await Promise.all(
    programs.map(async (program) => {
      const places = await Promise.all(folders.map((folder) => isExecutable(join(folder, program))));
      return places.includes(true);
    }),
  );
  return programs.filter((_, index) => found[index] !== true);
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
