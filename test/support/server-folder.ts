import { mkdtemp, statfs } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

const IN_MEMORY = "/dev/shm";
/** Bytes: for half a dozen servers, each with some 256 MB of write-ahead log, and for what their databases hold. */
const ROOM = 8 * 1024 ** 3;

/**
 * Makes an empty folder for a server's data: in memory where there is room, unless `onDisk`. Servers make and delete files by
 * the ten thousands, a few hundred for each database, and a disk's file system takes longer over that than they do.
 */
export async function createServerFolder(
  name: string,
  { onDisk = false }: { onDisk?: boolean | undefined } = {},
): Promise<string> {
  const parent = !onDisk && (await hasRoom()) ? IN_MEMORY : tmpdir();
  return mkdtemp(join(parent, `dataops-${name}-`));
}

async function hasRoom(): Promise<boolean> {
  if (freemem() < ROOM) return false;
  const system = await statfs(IN_MEMORY).catch(() => undefined);
  return system !== undefined && system.bavail * system.bsize >= ROOM;
}
