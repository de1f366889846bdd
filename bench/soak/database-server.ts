import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { PostgresServer } from "../../test/support/postgres-servers.ts";

const run = promisify(execFile);

/** Ends the server as its administrator would, sessions and all, and starts it on the same port after `pause` milliseconds. */
export async function restartServer(server: PostgresServer, pause: () => Promise<void>): Promise<void> {
  await control(server, "stop", "--mode=fast");
  await pause();
  await control(server, "start", `--log=${join(folderOf(server), "server.log")}`, `-o-p ${server.port}`);
}

/** Ends a server that was restarted: whoever started it at first knows nothing of that. */
export async function stopServer(server: PostgresServer): Promise<void> {
  await control(server, "stop", "--mode=fast").catch(() => undefined);
}

/** Kills one of the server's processes that are not its first: it ends all sessions, and recovers. */
export async function crashServer(server: PostgresServer): Promise<void> {
  const file = join(folderOf(server), "data", "postmaster.pid");
  const [postmaster = ""] = (await readFile(file, "utf8")).split("\n");
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, "utf8");
  const pids = children.split(" ").filter(Boolean).map(Number);
  const writer = await findWriter(pids);
  if (writer === undefined) throw new Error("the server has no process to kill");
  process.kill(writer, "SIGKILL");
}

/** The checkpointer's, the writers' and the sessions' ends are all crashes; a writer is always there. */
async function findWriter(pids: readonly number[]): Promise<number | undefined> {
  for (const pid of pids) {
    const title = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (/background writer/.test(title)) return pid;
  }
  return pids[0];
}

async function control(server: PostgresServer, ...args: string[]): Promise<void> {
  const folder = folderOf(server);
  const data = join(folder, "data");
  const { uid, gid } = await stat(data);
  const owner = process.getuid?.() === 0 ? { uid, gid } : {};
  const program = join(server.programs ?? "", "pg_ctl");
  // It leaves a server behind that holds what it was given.
  const options = { cwd: folder, env: { PATH: process.env["PATH"], LC_ALL: "C" }, ...owner };
  await run(program, [`--pgdata=${data}`, "--wait", "--silent", ...args], options);
}

function folderOf({ socketDirectory }: PostgresServer): string {
  return dirname(socketDirectory ?? "");
}
