import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { requirePrograms } from "./debian.ts";
import { createBucket, type S3Server } from "./s3-servers.ts";
import type { S3Description } from "./server-broker.ts";

const PROGRAMS = ["ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"];
const PACKAGES = ["ceph-mon", "ceph-osd", "radosgw", "ceph-common"];

/**
 * Starts a one-node Ceph cluster in memory with its S3 gateway, on free ports of 127.0.0.1. A process of its own keeps
 * it, so that it ends and its folder goes with `stop`, or with this process, however that ends.
 *
 * @throws ServerUnavailable where Ceph's programs are missing and cannot be installed
 */
export async function startCeph(): Promise<S3Server> {
  await requirePrograms("Ceph", PROGRAMS, PACKAGES);
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
