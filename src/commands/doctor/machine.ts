import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DataopsError } from "../../errors.ts";
import type { Environment } from "../../config/environment.ts";
import {
  discoverTools,
  meetsSecurityFloor,
  SECURITY_FLOORS,
  type InstalledTools,
} from "../../postgres/tools.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { humanBytes } from "../../observe/human.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** The oldest Node.js that the program runs on: `engines` in package.json. */
const OLDEST_NODE = 24;

/** @param version as `process.versions.node` says it: `24.21.0` */
export function judgeNode(version: string): Finding {
  const subject = "node";
  if (Number.parseInt(version, 10) >= OLDEST_NODE)
    return ok(subject, `${version} (needed: ${OLDEST_NODE} or later)`);
  return fail(
    subject,
    new DataopsError("usage", `${version}, needed: ${OLDEST_NODE} or later`, {
      hint: "install Node.js 24 from nodejs.org, or run `npm ci` in a checkout: it brings its own",
    }),
  );
}

/** The client programs that are installed, and what doctor has to say of each. */
export async function checkPrograms(
  environment: Environment,
): Promise<{ findings: Finding[]; installed: InstalledTools[] }> {
  const installed = await discoverTools(environment);
  if (installed.length > 0) return { findings: installed.map(judgeProgram), installed };
  const error = new DataopsError("tool", "no pg_dump and pg_restore are installed", {
    hint: "apt-get install postgresql-client (Debian), brew install libpq (macOS), or name their folder in DATAOPS_POSTGRES_BIN",
  });
  return { findings: [fail("pg_dump, pg_restore", error)], installed };
}

/** One installation of the client programs against the security floor. */
export function judgeProgram({ major, minor, version, directory }: InstalledTools): Finding {
  const subject = "pg_dump, pg_restore";
  if (meetsSecurityFloor({ major, minor })) return ok(subject, `${version} in ${directory}`);
  const floor = SECURITY_FLOORS[major];
  return warn(
    subject,
    `${version} in ${directory}: has known holes, and does not restore`,
    floor === undefined
      ? "upgrade to a major that is still maintained"
      : `upgrade to ${major}.${floor} or later`,
  );
}

/** The disk that a fetch downloads to. */
export async function checkDisk(directory: string, latest: Manifest | undefined): Promise<Finding> {
  return judgeDisk(directory, await freeBytes(directory), latest?.archive);
}

/** Room for the archive, and for the same archive decompressed while it is restored. */
export function judgeDisk(
  directory: string,
  free: number,
  archive: Pick<Manifest["archive"], "size" | "rawSize"> | undefined,
): Finding {
  const subject = "cache";
  if (archive === undefined) return ok(subject, `${directory}: ${humanBytes(free)} free`);
  const needed = archive.size + archive.rawSize;
  const message = `${directory}: ${humanBytes(free)} free (needed for the latest backup: ${humanBytes(needed)})`;
  if (free >= needed) return ok(subject, message);
  return warn(subject, message, "make room, or name another folder in `cache.directory`");
}

/** Of the file system that the folder is on, or will be. */
async function freeBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(directory);
    if (parent === directory) throw error;
    return freeBytes(parent);
  }
}
