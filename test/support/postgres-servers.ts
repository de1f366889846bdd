import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createReadStream } from "node:fs";
import { appendFile, chmod, chown, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import { Secret } from "../../src/config/secret.ts";
import { freePort } from "./ports.ts";
import { findServerPrograms, type PostgresVersion } from "./postgres-programs.ts";
import { createServerFolder } from "./server-folder.ts";

export type { PostgresVersion } from "./postgres-programs.ts";

const run = promisify(execFile);

/** Every superuser's password: it has all the characters that break URLs, shells and passfiles, and is looked for in logs. */
export const SENTINEL_PASSWORD = String.raw`s3ntinel@:/#%&'$\" word`;
export const SUPERUSER = "test superuser";

/** Milliseconds for a server to come up. */
const START_TIMEOUT = 60_000;
const POLL_INTERVAL = 25;
/** Between the choice of a free port and its use another program may take it. */
const START_ATTEMPTS = 3;

/** Settings of every test server. */
export const TEST_SETTINGS = {
  // A crash loses the folder anyway.
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  autovacuum: "off",
  shared_buffers: "64MB",
  max_connections: "100",
  // pg_dump locks every table: 10,000 of them in one test.
  max_locks_per_transaction: "512",
  log_statement: "all",
  log_line_prefix: "%m [%p] %q%u@%d/%a ",
  log_lock_waits: "on",
  timezone: "UTC",
  log_timezone: "UTC",
  listen_addresses: "127.0.0.1",
} as const satisfies Record<string, string>;

export interface StartOptions {
  version: PostgresVersion;
  /** Lines of postgresql.conf, over the tests' own. */
  settings?: Readonly<Record<string, string>> | undefined;
  /** The lines of pg_hba.conf, in place of "a password for everyone". */
  hba?: readonly string[] | undefined;
  /** PEM files to speak TLS with. */
  tls?: { certificate: string; key: string } | undefined;
  /** On a disk in any case, as the servers are that people have: to measure. */
  onDisk?: boolean | undefined;
}

/** What tests need to know of a server, in a form that passes between processes. */
export interface PostgresServerDescription {
  version: PostgresVersion;
  host: string;
  port: number;
  /** A superuser. */
  user: string;
  password: string;
  /** Undefined for a server that is not ours. */
  socketDirectory: string | undefined;
  /** All that the server said, with every statement it was sent; undefined for a server that is not ours. */
  logFile: string | undefined;
  /** The folder with the programs of exactly this version. For `embedded` there are no clients in it. */
  programs: string | undefined;
}

/** A throwaway server. */
export interface PostgresServer extends PostgresServerDescription, AsyncDisposable {
  stop(): Promise<void>;
}

/**
 * Starts a cluster of its own: a temporary folder, a free port on 127.0.0.1, a Unix socket, passwords asked everywhere.
 * It ends, and its folder goes, with `stop` or with the process that started it, however that ends.
 *
 * @throws ServerUnavailable where that version cannot be had
 */
export async function startPostgres(options: StartOptions): Promise<PostgresServer> {
  const programs = await findServerPrograms(options.version);
  const owner = await unprivilegedUser();
  const directory = await createServerFolder("postgres", options);
  try {
    await initialize(directory, programs, owner);
    await configure(directory, options);
    return await start(directory, programs, owner, options);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** How tests and our code reach `database` of a server, as its superuser or as another role. */
export function settingsFor(
  server: PostgresServerDescription,
  changes: Partial<ConnectionSettings> = {},
): ConnectionSettings {
  return {
    host: server.host,
    port: server.port,
    user: server.user,
    password: new Secret(server.password),
    database: "postgres",
    tls: { mode: "disable", rootCertificate: undefined, certificate: undefined, key: undefined },
    connectTimeout: 10,
    origin: "the test",
    ...changes,
  };
}

/** The same as a URL, percent-encoded. For command lines' environment. */
export function urlFor(
  server: PostgresServerDescription,
  database: string,
  changes: { user?: string; password?: string } = {},
): string {
  const [user, password] = [changes.user ?? server.user, changes.password ?? server.password].map(
    encodeURIComponent,
  );
  return `postgres://${user}:${password}@${server.host}:${server.port}/${encodeURIComponent(database)}`;
}

/** Who a server runs as: PostgreSQL refuses root. Empty: whoever runs the tests. */
export interface Owner {
  uid?: number;
  gid?: number;
}

export async function unprivilegedUser(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (user === undefined) throw new Error("as root a server needs a user postgres or nobody to run as");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function initialize(directory: string, programs: string, owner: Owner): Promise<void> {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, SENTINEL_PASSWORD, { mode: 0o600 });
  await mkdir(join(directory, "socket"), { mode: 0o755 });
  if (owner.uid !== undefined && owner.gid !== undefined) {
    for (const path of [directory, passwordFile, join(directory, "socket")])
      await chown(path, owner.uid, owner.gid);
    await chmod(directory, 0o755);
  }
  await run(
    join(programs, "initdb"),
    [
      `--pgdata=${join(directory, "data")}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ],
    { cwd: directory, env: { PATH: process.env["PATH"], LC_ALL: "C" }, ...owner },
  );
  await rm(passwordFile);
}

async function configure(directory: string, { settings, hba, tls, onDisk }: StartOptions): Promise<void> {
  const secure =
    tls === undefined ? {} : { ssl: "on", ssl_cert_file: tls.certificate, ssl_key_file: tls.key };
  const all = {
    ...TEST_SETTINGS,
    ...secure,
    // What is in memory shall not fill it.
    ...(onDisk === true ? {} : { max_wal_size: "256MB" }),
    unix_socket_directories: join(directory, "socket"),
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  await appendFile(join(directory, "data", "postgresql.conf"), lines.join(""));
  if (hba !== undefined) await writeFile(join(directory, "data", "pg_hba.conf"), `${hba.join("\n")}\n`);
}

/**
 * Waits beside the server for the end of its standard input, which comes when whoever started it stops it, or is gone;
 * then ends the server and removes the folder. Says on stdout when the server has ended by itself.
 */
const KEEPER = `
trap '' INT TERM HUP
{ "$1" -D "$2/data" -p "$3" >>"$2/server.log" 2>&1 </dev/null; echo ended; } &
read -r _
pid=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid" 2>/dev/null
wait
rm -rf "$2/data" "$2/socket" "$2/server.log"
`;

async function start(
  directory: string,
  programs: string,
  owner: Owner,
  { version }: StartOptions,
): Promise<PostgresServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const keeper = spawn(
      "/bin/sh",
      ["-c", KEEPER, "keeper", join(programs, "postgres"), directory, String(port)],
      {
        cwd: directory,
        env: { PATH: process.env["PATH"], LC_ALL: "C" },
        stdio: ["pipe", "pipe", "inherit"],
        ...owner,
      },
    );
    const gone = new Promise<void>((resolve) => keeper.once("exit", () => resolve()));
    try {
      await untilReady(keeper, directory);
    } catch (error) {
      if (attempt < START_ATTEMPTS && /could not bind|Address already in use/.test(String(error))) {
        // The folder must outlive this keeper; the server it kept has ended already.
        keeper.kill("SIGKILL");
        continue;
      }
      keeper.stdin.end();
      await gone;
      throw error;
    }
    // It must not keep the process alive that should end it.
    keeper.unref();
    const stop = async (): Promise<void> => {
      keeper.ref();
      keeper.stdin.end();
      await gone;
      await rm(directory, { recursive: true, force: true });
    };
    return {
      version,
      host: "127.0.0.1",
      port,
      user: SUPERUSER,
      password: SENTINEL_PASSWORD,
      socketDirectory: join(directory, "socket"),
      logFile: join(directory, "server.log"),
      programs,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }
}

/** As pg_ctl does: the server writes its state into the eighth line of its pid file. */
async function untilReady(keeper: ChildProcess, directory: string): Promise<void> {
  const ended = new AbortController();
  keeper.stdout?.once("data", () => ended.abort());
  const deadline = Date.now() + START_TIMEOUT;
  while (Date.now() < deadline && !ended.signal.aborted) {
    const lines = (await readFile(join(directory, "data", "postmaster.pid"), "utf8").catch(() => "")).split(
      "\n",
    );
    if (lines[7]?.trim() === "ready") return;
    await sleep(POLL_INTERVAL);
  }
  const log = await readFile(join(directory, "server.log"), "utf8").catch(() => "it said nothing");
  throw new Error(`the server did not start: ${log.slice(-2000)}`);
}

/** What the server logs from now on: `read()` gives it. For "no DDL in the server's log". */
export async function followLog(server: PostgresServerDescription): Promise<{ read(): Promise<string> }> {
  const { logFile } = server;
  if (logFile === undefined) throw new Error("the log of this server cannot be read");
  const sizeNow = async (): Promise<number> => {
    await using file = await open(logFile);
    return (await file.stat()).size;
  };
  const start = await sizeNow();
  // Not from its beginning: in the shared servers' logs are thousands of tests.
  return { read: () => text(createReadStream(logFile, { start })) };
}
