/**
 * Run as a process by `ceph.ts`: starts the cluster, says on stdout how to reach it, and ends it when stdin ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./ports.ts";
import type { S3Description } from "./server-broker.ts";

const START_TIMEOUT = 90_000;
const STOP_TIMEOUT = 5_000;
const POLL_INTERVAL = 100;
/** The objects live in memory; this is what the gateway takes for its disk's size. */
const STORE_BYTES = 8 * 1024 ** 3;

const ACCESS_KEY_ID = "test";
/** Looked for in messages and logs and on every command line of the machine, where it must never be: so another one each time. */
const SECRET_ACCESS_KEY = `s3ntinel/test+${randomBytes(8).toString("hex")}`;

const directory = await mkdtemp(join(tmpdir(), "dataops-ceph-"));
const logFile = join(directory, "output.log");
const environment = { PATH: process.env["PATH"], HOME: directory, CEPH_CONF: join(directory, "ceph.conf") };
const daemons: ChildProcess[] = [];

const stdinEnded = new AbortController();
process.stdin.on("end", () => stdinEnded.abort()).resume();

try {
  const description = await startCluster();
  process.stdout.write(`${JSON.stringify(description)}\n`);
  if (!stdinEnded.signal.aborted) await once(stdinEnded.signal, "abort");
} catch (error) {
  process.exitCode = 1;
  const log = await readFile(logFile, "utf8").catch(() => "");
  if (!stdinEnded.signal.aborted) process.stderr.write(`${String(error)}\n${log.slice(-3_000)}\n`);
} finally {
  // The gateway before the store below it: otherwise it waits for answers that never come.
  for (const daemon of daemons.toReversed()) await end(daemon);
  await rm(directory, { recursive: true, force: true });
}

async function startCluster(): Promise<S3Description> {
  const cluster = randomUUID();
  const disk = randomUUID();
  const keyring = join(directory, "keyring");
  const port = await freePort();
  const monitor = `[v2:127.0.0.1:${await freePort()},v1:127.0.0.1:${await freePort()}]`;
  await configure({ cluster, keyring, port, monitor });

  const everything = ["mon", "osd", "mgr"].flatMap((service) => ["--cap", service, "allow *"]);
  await run("ceph-authtool", [
    "--create-keyring",
    keyring,
    "--gen-key",
    "-n",
    "mon.",
    "--cap",
    "mon",
    "allow *",
  ]);
  await run("ceph-authtool", [keyring, "--gen-key", "-n", "client.admin", ...everything]);
  // Without a map a monitor takes the standard ports, whatever its configuration says.
  const map = join(directory, "monmap");
  await run("monmaptool", ["--create", "--fsid", cluster, "--addv", "a", monitor, map]);
  await run("ceph-mon", ["--mkfs", "-i", "a", "--monmap", map, "--keyring", keyring]);
  daemons.push(start("ceph-mon", ["-f", "-i", "a"]));
  await run("ceph-authtool", [keyring, "--gen-key", "-n", "osd.0"]);
  const diskKey = /\[osd\.0\]\s+key = (\S+)/.exec(await readFile(keyring, "utf8"))?.[1];
  await run("ceph", ["osd", "new", disk, "-i", "-"], JSON.stringify({ cephx_secret: diskKey }));
  await run("ceph-osd", ["-i", "0", "--mkfs", "--osd-uuid", disk]);
  daemons.push(start("ceph-osd", ["-f", "-i", "0"]));
  const keys = [`--access-key=${ACCESS_KEY_ID}`, `--secret-key=${SECRET_ACCESS_KEY}`];
  // Other users and their policies are made over HTTP.
  const caps = "--caps=users=*;user-policy=*";
  await run("radosgw-admin", ["user", "create", "--uid=test", "--display-name=test", caps, ...keys]);
  daemons.push(start("radosgw", ["-f", "-n", "client.admin"]));

  const endpoint = `http://127.0.0.1:${port}`;
  await untilAnswering(endpoint);
  return { endpoint, region: "us-east-1", accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY };
}

interface ClusterSettings {
  cluster: string;
  keyring: string;
  /** Of the gateway. */
  port: number;
  /** The monitor's addresses, one for either version of its protocol. */
  monitor: string;
}

async function configure({ cluster, keyring, port, monitor }: ClusterSettings): Promise<void> {
  for (const folder of ["mon", "osd", "run", "log"]) await mkdir(join(directory, folder));
  const lines = [
    "[global]",
    `fsid = ${cluster}`,
    `mon host = ${monitor}`,
    `keyring = ${keyring}`,
    // One disk, one copy of everything.
    "osd pool default size = 1",
    "osd pool default min size = 1",
    "osd pool default pg num = 1",
    "osd pool default pgp num = 1",
    "osd crush chooseleaf type = 0",
    "mon allow pool size one = true",
    // The monitor gathers changes for this many seconds; each of the gateway's many pools would wait for it.
    "paxos propose interval = 0.02",
    "paxos min wait = 0.01",
    "osd objectstore = memstore",
    `memstore device bytes = ${STORE_BYTES}`,
    // A full disk of the machine is no concern of a store in memory.
    "mon data avail crit = 1",
    "mon data avail warn = 2",
    `run dir = ${directory}/run`,
    `pid file = ${directory}/run/$name.pid`,
    `log file = ${directory}/log/$name.log`,
    `admin socket = ${directory}/run/$name.$pid.asok`,
    `rgw frontends = beast endpoint=127.0.0.1:${port}`,
    "rgw dns name = localhost",
    "[mon.a]",
    "host = localhost",
    `mon data = ${directory}/mon`,
    "[osd.0]",
    `osd data = ${directory}/osd`,
    "public addr = 127.0.0.1",
    "cluster addr = 127.0.0.1",
  ];
  await writeFile(environment.CEPH_CONF, `${lines.join("\n")}\n`);
}

function start(program: string, args: readonly string[], stdin: "ignore" | "pipe" = "ignore"): ChildProcess {
  stdinEnded.signal.throwIfAborted();
  const log = openSync(logFile, "a");
  const child = spawn(program, args, { cwd: directory, env: environment, stdio: [stdin, log, log] });
  closeSync(log);
  return child;
}

/** Runs one of Ceph's programs to its end. */
async function run(program: string, args: readonly string[], input?: string): Promise<void> {
  const child = start(program, args, input === undefined ? "ignore" : "pipe");
  child.stdin?.end(input);
  const kill = (): unknown => child.kill("SIGKILL");
  stdinEnded.signal.addEventListener("abort", kill);
  const timer = setTimeout(kill, START_TIMEOUT);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  stdinEnded.signal.removeEventListener("abort", kill);
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}`);
}

async function untilAnswering(endpoint: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT;
  while (Date.now() < deadline) {
    stdinEnded.signal.throwIfAborted();
    const answer = await fetch(endpoint).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(POLL_INTERVAL);
  }
  throw new Error(`the gateway does not answer at ${endpoint}`);
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = once(daemon, "exit");
  daemon.kill("SIGTERM");
  const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_TIMEOUT);
  await gone;
  clearTimeout(timer);
}
