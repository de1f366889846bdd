import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import type { Account } from "./account.ts";
import { exitCodeOf } from "./exit-code.ts";

export interface ClusterOptions {
  /** Becomes part of the folder's name. */
  name: string;
  /** The folder of `initdb` and `postgres`. */
  programs: string;
  account: Account | undefined;
  signal: AbortSignal;
  /** Beyond those that make a throwaway server quick. */
  settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL server of our own, in a temporary folder, on a free port of 127.0.0.1. */
export interface Cluster extends AsyncDisposable {
  readonly port: number;
  /** A URL with the password, for the superuser unless another role is named. */
  url(database: string, role?: { name: string; password: string }): string;
  /** Runs one multi-statement query, as the superuser. */
  query(database: string, sql: string): Promise<Record<string, unknown>[]>;
}

const SUPERUSER = "postgres";

/** Nothing here has to survive a power cut. */
const QUICK = { fsync: "off", full_page_writes: "off", synchronous_commit: "off", max_wal_size: "2GB" };

/** Starts a server and waits until it answers. Disposing of it ends its processes and removes its folder. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), `dataops-demo-${options.name}-`));
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  if (options.account !== undefined) await chown(folder, options.account.uid, options.account.gid);

  const password = randomBytes(12).toString("base64url");
  await initialise(folder, password, options);
  const port = await freePort();
  const server = await startServer(folder, port, options);
  cleanup.defer(() => stopServer(server));

  function url(database: string, role = { name: SUPERUSER, password }): string {
    return `postgres://${role.name}:${role.password}@127.0.0.1:${port}/${database}`;
  }
  const owned = cleanup.move();
  return {
    port,
    url,
    async query(database, sql) {
      const client = new pg.Client({ connectionString: url(database) });
      // The server may be stopped under a connection that is about to close anyway.
      client.on("error", () => {});
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function initialise(folder: string, password: string, options: ClusterOptions): Promise<void> {
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (options.account !== undefined) await chown(passwordFile, options.account.uid, options.account.gid);
  const initdb = run(options, "initdb", [
    `--pgdata=${join(folder, "data")}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ]);
  const output = collect(initdb);
  const code = await exitCodeOf(initdb);
  options.signal.throwIfAborted();
  if (code !== 0) throw new Error(`initdb failed: ${output().trim()}`);
  await rm(passwordFile);
}

async function startServer(folder: string, port: number, options: ClusterOptions): Promise<ChildProcess> {
  const settings = {
    ...QUICK,
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    ...options.settings,
  };
  const server = run(options, "postgres", [
    "-D",
    join(folder, "data"),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]);
  const output = collect(server);
  if (server.stderr === null) throw new Error("the server's standard error is a pipe");
  // Goes on reading after the loop below has ended: a server blocks when nobody reads what it writes.
  const lines = createInterface(server.stderr);
  const ready = new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      if (line.includes("database system is ready to accept connections")) resolve();
    });
    server.once("exit", () => reject(new Error(`postgres did not start: ${output().trim()}`)));
    server.once("error", reject);
  });
  try {
    await ready;
    options.signal.throwIfAborted();
  } catch (error) {
    await stopServer(server);
    throw error;
  }
  return server;
}

/** "Immediate" shutdown: nothing in it is wanted any more. */
async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const exited = once(server, "exit");
  server.kill("SIGQUIT");
  await exited;
}

/**
 * In a process group of its own: Ctrl-C on the terminal reaches this program alone, which then ends the others in order.
 */
function run(options: ClusterOptions, program: string, args: readonly string[]): ChildProcess {
  return spawn(join(options.programs, program), args, {
    ...options.account,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
  });
}

/** Keeps the end of what a program says, for when it fails. */
function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-2000);
    });
  }
  return () => text;
}

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  server.close();
  await once(server, "close");
  return address.port;
}
