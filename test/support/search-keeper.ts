/**
 * Run as a process by `search-servers.ts`: starts one search engine, says on stdout how to reach it, and ends it when stdin ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import {
  appendFile,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./ports.ts";
import { unprivilegedUser } from "./postgres-servers.ts";
import type { SearchPrograms } from "./search-programs.ts";
import type { SearchDescription } from "./search-servers.ts";

const START_TIMEOUT = 120_000;
const POLL_INTERVAL = 100;
/** Between the choice of a free port and its use another program may take it. */
const START_ATTEMPTS = 3;

/** OpenSearch's runner looks for a free port from the given one on, up to 9299, whatever it is told. */
const RUNNER_PORTS = { first: 9_210, last: 9_290 };

const [programsText = "", settingsText = "{}"] = process.argv.slice(2);
// eslint-disable-next-line typescript/no-unsafe-type-assertion -- what starts this lies beside it
const programs = JSON.parse(programsText) as SearchPrograms;
// eslint-disable-next-line typescript/no-unsafe-type-assertion -- as above
const settings = JSON.parse(settingsText) as Record<string, string>;
const isOpenSearch = (await readdir(programs.folder)).some((file) => file.endsWith(".jar"));

const stdinEnded = new AbortController();
process.stdin.on("end", () => stdinEnded.abort()).resume();

const directory = await mkdtemp(join(tmpdir(), "dataops-search-"));
const logFile = join(directory, "output.log");
let engine: ChildProcess | undefined;

try {
  const description = await startEngine();
  process.stdout.write(`${JSON.stringify(description)}\n`);
  const gone = engine === undefined ? undefined : once(engine, "exit");
  await Promise.race([gone, stdinEnded.signal.aborted ? undefined : once(stdinEnded.signal, "abort")]);
} catch (error) {
  process.exitCode = 1;
  const log = await readFile(logFile, "utf8").catch(() => "");
  if (!stdinEnded.signal.aborted) process.stderr.write(`${String(error)}\n${log.slice(-3_000)}\n`);
} finally {
  await kill();
  await rm(directory, { recursive: true, force: true });
}

async function startEngine(): Promise<SearchDescription> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const port = await (isOpenSearch ? startOpenSearch() : startElasticsearch());
      const url = `http://127.0.0.1:${port}`;
      await untilAnswering(url);
      return { url, version: programs.version, logFile };
    } catch (error) {
      await kill();
      if (attempt === START_ATTEMPTS || stdinEnded.signal.aborted) throw error;
    }
  }
}

/** The runner's own main program reads `opensearch.yml`, chooses the port, and says which. */
async function startOpenSearch(): Promise<number> {
  const config = join(directory, "node_1", "config");
  await mkdir(config, { recursive: true });
  const own = {
    "network.host": "127.0.0.1",
    "discovery.type": "single-node",
    "transport.port": await freePort(),
  };
  await writeFile(join(config, "opensearch.yml"), yaml({ ...own, ...settings }));
  await writeFile(logFile, "");
  const base = randomInt(RUNNER_PORTS.first, RUNNER_PORTS.last);
  launch(
    join(programs.javaHome, "bin", "java"),
    [
      ...heap(),
      "-cp",
      join(programs.folder, "*"),
      "org.codelibs.opensearch.runner.OpenSearchRunner",
      `-basePath=${directory}`,
      "-numOfNode=1",
      `-baseHttpPort=${base}`,
      "-printOnFailure",
    ],
    {},
  );
  return waitForEngine(async () => {
    const port = /^HTTP Port:\s+(\d+)$/m.exec(await readFile(logFile, "utf8"))?.[1];
    return port === undefined ? undefined : Number(port);
  });
}

async function startElasticsearch(): Promise<number> {
  const config = join(directory, "config");
  const port = await freePort();
  await cp(join(programs.folder, "config"), config, { recursive: true });
  const own = {
    "node.name": "test",
    "network.host": "127.0.0.1",
    "http.port": port,
    "transport.port": await freePort(),
    "discovery.type": "single-node",
    "xpack.security.enabled": false,
    "xpack.ml.enabled": false,
    "path.data": join(directory, "data"),
    "path.logs": join(directory, "logs"),
  };
  await writeFile(join(config, "elasticsearch.yml"), yaml({ ...own, ...settings }));
  // Relative to the engine's home, where it may not write.
  const options = await readFile(join(config, "jvm.options"), "utf8");
  const writable = options.split("\n").filter((line) => !/=(logs|data)\b|=logs\//.test(line));
  await writeFile(join(config, "jvm.options"), writable.join("\n"));
  await writeFile(logFile, "");
  // It refuses to run as root.
  const owner = await unprivilegedUser();
  if (owner.uid !== undefined && owner.gid !== undefined) await giveAway(directory, owner.uid, owner.gid);
  const environment = {
    ES_PATH_CONF: config,
    ES_JAVA_HOME: programs.javaHome,
    ES_JAVA_OPTS: heap().join(" "),
    ES_TMPDIR: join(directory, "tmp"),
    HOME: directory,
  };
  launch(join(programs.folder, "bin", "elasticsearch"), [], environment, owner);
  return port;
}

function heap(): string[] {
  return ["-Xms512m", "-Xmx512m"];
}

/** In a process group of its own: Elasticsearch 8 is two processes. */
function launch(
  program: string,
  args: readonly string[],
  environment: Record<string, string>,
  owner: { uid?: number; gid?: number } = {},
): void {
  stdinEnded.signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd: directory,
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...owner,
  });
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (chunk: Buffer) => void appendFile(logFile, chunk).catch(() => undefined));
  }
  engine = child;
}

async function untilAnswering(url: string): Promise<void> {
  await waitForEngine(async () => {
    const answer = await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=10s`).catch(
      () => undefined,
    );
    return answer?.ok === true ? true : undefined;
  });
}

/** Asks until there is an answer, the engine has ended, or its time is over. */
async function waitForEngine<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + START_TIMEOUT;
  while (Date.now() < deadline) {
    stdinEnded.signal.throwIfAborted();
    if (engine === undefined || hasEnded(engine)) throw new Error("the search engine ended");
    const found = await ask();
    if (found !== undefined) return found;
    await sleep(POLL_INTERVAL);
  }
  throw new Error("the search engine does not answer");
}

/** Nobody needs what it holds. */
async function kill(): Promise<void> {
  const child = engine;
  engine = undefined;
  if (child?.pid === undefined || hasEnded(child)) return;
  const gone = once(child, "exit");
  process.kill(-child.pid, "SIGKILL");
  await gone;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function yaml(values: Record<string, string | number | boolean>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}: ${String(value)}\n`)
    .join("");
}

async function giveAway(folder: string, uid: number, gid: number): Promise<void> {
  await mkdir(join(folder, "tmp"), { recursive: true });
  const inside = await readdir(folder, { recursive: true });
  for (const path of [folder, ...inside.map((name) => join(folder, name))]) await chown(path, uid, gid);
  await chmod(folder, 0o755);
}
