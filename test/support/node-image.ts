import { execFile, spawn } from "node:child_process";
import { appendFile, copyFile, cp, mkdir, mkdtemp, realpath, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { once } from "node:events";
import { promisify } from "node:util";
import { requirePrograms } from "./debian.ts";
import { docker, hasImage, hasOrPulls } from "./docker-engine.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

const run = promisify(execFile);

/** Made here where no registry can be asked, and kept: it takes minutes. */
const HOME_MADE = "dataops-test/node:24";
const RELEASE = "bookworm";
const MIRROR = "http://deb.debian.org";

/**
 * The name of an image with Debian and Node 24, for the image to be built from: `DATAOPS_TEST_NODE_IMAGE`, else the one that
 * the Dockerfile names, else one that is made of Debian's packages and of the Node that runs the tests.
 *
 * @throws ServerUnavailable where there is none, and none can be made
 */
export async function findNodeImage(usual: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const named = environment["DATAOPS_TEST_NODE_IMAGE"];
  if (named !== undefined && named !== "") {
    if (await hasOrPulls(named)) return named;
    throw new ServerUnavailable(`DATAOPS_TEST_NODE_IMAGE: the Docker engine has no image ${named}`);
  }
  if ((await hasImage(HOME_MADE)) && !(await hasImage(usual))) return HOME_MADE;
  if (await hasOrPulls(usual)) return usual;
  if (process.getuid?.() !== 0) {
    throw new ServerUnavailable(
      `${usual} cannot be pulled, and only root can make one: name another by DATAOPS_TEST_NODE_IMAGE`,
    );
  }
  await requirePrograms("debootstrap", ["debootstrap"], ["debootstrap"]);
  await makeNodeImage();
  return HOME_MADE;
}

async function makeNodeImage(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-node-image-"));
  try {
    await run("debootstrap", [
      "--variant=minbase",
      "--include=ca-certificates",
      RELEASE,
      folder,
      `${MIRROR}/debian`,
    ]);
    await appendFile(
      join(folder, "etc", "apt", "sources.list"),
      `deb ${MIRROR}/debian ${RELEASE}-updates main\ndeb ${MIRROR}/debian-security ${RELEASE}-security main\n`,
    );
    await addNode(join(folder, "usr", "local"));
    await importFolder(folder, await trustedAuthorities(folder));
  } finally {
    // Not `rm` of `node:fs`: what debootstrap mounted and failed to unmount is not ours to empty.
    await run("rm", ["--recursive", "--force", "--one-file-system", folder]);
  }
}

/** Node as it runs the tests, and the machine's npm. */
async function addNode(prefix: string): Promise<void> {
  const modules = join(prefix, "lib", "node_modules");
  await mkdir(modules, { recursive: true });
  await copyFile(process.execPath, join(prefix, "bin", "node"));
  await cp(await npmFolder(), join(modules, "npm"), { recursive: true, dereference: true });
  for (const name of ["npm", "npx"])
    await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(prefix, "bin", name));
}

/** Where the `npm` of the `PATH` is: a link into its package. */
async function npmFolder(): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const program = await realpath(join(folder, "npm")).catch(() => "");
    if (basename(program) === "npm-cli.js") return dirname(dirname(program));
  }
  throw new ServerUnavailable("an image with Node needs npm, and there is none in the PATH");
}

/** Whom the tests' Node trusts beside its own list, since the same registry is asked from within. Changes of the image. */
async function trustedAuthorities(folder: string): Promise<string[]> {
  const file = process.env["NODE_EXTRA_CA_CERTS"];
  if (file === undefined) return [];
  await copyFile(file, join(folder, "usr", "local", "share", "authorities.pem"));
  return ["--change", "ENV NODE_EXTRA_CA_CERTS=/usr/local/share/authorities.pem"];
}

async function importFolder(folder: string, changes: readonly string[]): Promise<void> {
  const archive = spawn("tar", ["--create", "--one-file-system", "--directory", folder, "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const load = spawn("docker", ["import", ...changes, "-", HOME_MADE], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = Promise.all([once(archive, "close"), once(load, "close")]);
  await pipeline(archive.stdout, load.stdin);
  await ended;
  if (archive.exitCode !== 0 || load.exitCode !== 0) throw new Error(`${HOME_MADE} could not be made`);
  await docker(["run", "--rm", HOME_MADE, "node", "--version"]);
}
