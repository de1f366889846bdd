import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ServerUnavailable } from "./postgres-programs.ts";
import { createBucket, type S3Server } from "./s3-servers.ts";
import type { S3Description } from "./server-broker.ts";

const run = promisify(execFile);

const PROGRAMS = ["ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"];
const PACKAGES = ["ceph-mon", "ceph-osd", "radosgw", "ceph-common"];
const INSTALL_COMMAND = `apt-get install --no-install-recommends ${PACKAGES.join(" ")}`;

/**
 * Starts a one-node Ceph cluster in memory with its S3 gateway, on free ports of 127.0.0.1. A process of its own keeps
 * it, so that it ends and its folder goes with `stop`, or with this process, however that ends.
 *
 * @throws ServerUnavailable where Ceph's programs are missing and cannot be installed
 */
export async function startCeph(): Promise<S3Server> {
  await findPrograms();
  const keeper = spawn(process.execPath, [fileURLToPath(new URL("ceph-keeper.ts", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
    // Out of the terminal's reach: an interrupt is for the tests, whose end is what ends the keeper.
    detached: true,
  });
  const gone = once(keeper, "exit");
  const first = await Promise.race([once(createInterface(keeper.stdout), "line"), gone.then(() => [])]);
  const line: unknown = first[0];
  if (typeof line !== "string") throw new Error("Ceph did not start");
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keeper lies beside this file
  const description = JSON.parse(line) as S3Description;
  // It must not keep the process alive that should end it.
  keeper.unref();
  return {
    ...description,
    createBucket: (name) => createBucket(description, name),
    stop: async () => {
      keeper.ref();
      keeper.stdin.end();
      await gone;
    },
  };
}

async function findPrograms(): Promise<void> {
  const missing = await missingPrograms();
  if (missing.length === 0) return;
  const unavailable = (cause?: unknown): ServerUnavailable =>
    new ServerUnavailable(`Ceph is not installed (${missing.join(", ")}): sudo ${INSTALL_COMMAND}`, {
      cause,
    });
  const isDebian = await isExecutable("/usr/bin/apt-get");
  if (process.getuid?.() !== 0 || !isDebian) throw unavailable();
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["update", "--quiet"], { env });
    await run("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", ...PACKAGES], { env });
  } catch (error) {
    throw unavailable(error);
  }
}

async function missingPrograms(): Promise<string[]> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = await Promise.all(
    PROGRAMS.map(async (program) => {
      const places = await Promise.all(folders.map((folder) => isExecutable(join(folder, program))));
      return places.includes(true);
    }),
  );
  return PROGRAMS.filter((_, index) => found[index] !== true);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
