import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { docker, runDocker } from "./docker-engine.ts";

export type Builder = "legacy" | "BuildKit";

/** What a build is told, and what it may not find. */
export interface ImageRequest {
  /** Debian with Node. */
  base: string;
  clientsFrom: "pgdg" | "distribution";
  version: string;
  revision: string;
  /** Lies in files beside the sources and in the builder's environment. */
  sentinel: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = [
  "Dockerfile",
  ".dockerignore",
  "package.json",
  "package-lock.json",
  "LICENSE",
  "scripts",
  "src",
  "docker",
];
/** What lies about in checkouts, and has no place in an image. */
const STRAY_FILES = [".env", ".env.production", "dataops.config.yaml", "production.dump", "id_ed25519"];

/** Milliseconds. npm downloads 200 MB. */
const PATIENCE = 20 * 60_000;

/** What the Dockerfile is built from where nobody says otherwise. */
export async function usualBase(): Promise<string> {
  const dockerfile = await readFile(join(ROOT, "Dockerfile"), "utf8");
  const base = /^ARG NODE_IMAGE=(.+)$/m.exec(dockerfile)?.[1];
  if (base === undefined) throw new Error("the Dockerfile names no NODE_IMAGE");
  return base;
}

/** Builds the image from a copy of the checkout, and names it; gives all that the builder said. */
export async function buildImage(name: string, builder: Builder, request: ImageRequest): Promise<string> {
  const { base, clientsFrom, version, revision, sentinel } = request;
  const given = {
    NODE_IMAGE: base,
    CLIENTS_FROM: clientsFrom,
    VERSION: version,
    REVISION: revision,
  };
  const context = await copySources(sentinel);
  try {
    const { code, stdout, stderr } = await runDocker(
      [
        "build",
        // For a registry or a mirror that only this machine reaches, on its loopback interface say.
        "--network=host",
        `--tag=${name}`,
        ...Object.entries(given).map(([argument, value]) => `--build-arg=${argument}=${value}`),
        context,
      ],
      {
        environment: { ...usingBuilder(builder), DATABASE_URL: sentinel, AWS_SECRET_ACCESS_KEY: sentinel },
        patience: PATIENCE,
      },
    );
    if (code !== 0)
      throw new Error(`${builder} did not build it: ${stdout.slice(-4_000)}${stderr.slice(-4_000)}`);
    return stdout + stderr;
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** Whether the engine and its client have BuildKit: seen by a build of nothing. */
export async function hasBuildKit(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-buildkit-"));
  try {
    await writeFile(join(folder, "Dockerfile"), "FROM scratch\nLABEL dataops-test=buildkit\n");
    const { code, stdout } = await runDocker(["build", "--quiet", folder], {
      environment: usingBuilder("BuildKit"),
    });
    if (code === 0) await docker(["image", "rm", stdout.trim()]);
    return code === 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function usingBuilder(builder: Builder): Record<string, string> {
  return { DOCKER_BUILDKIT: builder === "BuildKit" ? "1" : "0" };
}

/** As somebody has them who lets nobody else read their files, and keeps secrets beside them. */
async function copySources(sentinel: string): Promise<string> {
  const context = await mkdtemp(join(tmpdir(), "dataops-image-"));
  for (const source of SOURCES) await cp(join(ROOT, source), join(context, source), { recursive: true });
  for (const stray of STRAY_FILES) await writeFile(join(context, stray), `password = ${sentinel}\n`);
  for (const entry of await readdir(context, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  return context;
}
