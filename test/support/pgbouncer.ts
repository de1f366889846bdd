import { spawn } from "node:child_process";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requirePrograms } from "./debian.ts";
import { freePort } from "./ports.ts";
import { unprivilegedUser, type PostgresServerDescription } from "./postgres-servers.ts";

const PROGRAM = "/usr/sbin/pgbouncer";
/** Milliseconds. */
const START_TIMEOUT = 10_000;

export interface PgBouncer extends AsyncDisposable {
  host: string;
  port: number;
}

/**
 * Starts PgBouncer before a server, where `aliases` names databases by others' names. It logs in to it as the server's superuser, and lets everyone in.
 *
 * @throws ServerUnavailable where it is not installed and cannot be
 */
export async function startPgBouncer(
  server: PostgresServerDescription,
  mode: "session" | "transaction",
  aliases: Readonly<Record<string, string>> = {},
): Promise<PgBouncer> {
  await requirePrograms("PgBouncer", ["pgbouncer"], ["pgbouncer"]);
  const owner = await unprivilegedUser();
  const directory = await mkdtemp(join(tmpdir(), "dataops-pgbouncer-"));
  const port = await freePort();
  const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  const target = `host=${server.host} port=${server.port} user=${quote(server.user)} password=${quote(server.password)}`;
  const config = join(directory, "pgbouncer.ini");
  const named = Object.entries(aliases).map(
    ([alias, name]) => `${alias} = ${target} dbname=${quote(name)}\n`,
  );
  await writeFile(
    config,
    `[databases]\n${named.join("")}* = ${target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any\npool_mode = ${mode}\nignore_startup_parameters = extra_float_digits,options\n`,
  );
  if (owner.uid !== undefined && owner.gid !== undefined) {
    await chown(directory, owner.uid, owner.gid);
    await chown(config, owner.uid, owner.gid);
    await chmod(config, 0o600);
  }
  const child = spawn(PROGRAM, ["--quiet", config], { stdio: "ignore", cwd: directory, ...owner });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGINT");
    const force = setTimeout(() => child.kill("SIGKILL"), 1_000);
    await gone;
    clearTimeout(force);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilListening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: "127.0.0.1", port, [Symbol.asyncDispose]: stop };
}

async function untilListening(port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT;
  for (;;) {
    const isListening = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1")
        .once("connect", () => resolve(true))
        .once("error", () => resolve(false))
        .once("connect", () => socket.destroy());
    });
    if (isListening) return;
    if (Date.now() > deadline) throw new Error("PgBouncer did not start");
    await sleep(25);
  }
}
