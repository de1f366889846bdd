import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { runContainer } from "../support/container.ts";
import { docker } from "../support/docker-engine.ts";
import { test } from "../support/image-test.ts";

/** Runs a program of the image in place of `dataops`, and gives what it says. */
async function run(image: string, program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runContainer(image, args, { flags: [`--entrypoint=${program}`] });
  expect(code, stderr).toBe(0);
  return stdout.trimEnd();
}

/** The image's own settings. */
interface ImageConfig {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  Labels: Record<string, string>;
  Volumes: Record<string, unknown>;
  WorkingDir: string;
  ExposedPorts: Record<string, unknown>;
  Healthcheck: { Test: string[] };
}

async function configOf(image: string): Promise<ImageConfig> {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- documented by Docker
  return JSON.parse(await docker(["image", "inspect", "--format", "{{json .Config}}", image])) as ImageConfig;
}

/** The names of the packages below `node_modules` that a program needs, with their places, by npm's own book. */
async function lockedPackages(): Promise<{ needed: string[]; forDevelopment: string[] }> {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- written by npm
  const { packages } = JSON.parse(await readFile("package-lock.json", "utf8")) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; peer?: boolean }>;
  };
  const places = Object.entries(packages).filter(([place]) => place !== "");
  return {
    needed: places.filter(([, one]) => !one.dev && !one.optional && !one.peer).map(([place]) => place),
    forDevelopment: places.filter(([, { dev }]) => dev).map(([place]) => place),
  };
}

describe("the image", () => {
  test("tells what it is, and runs as a plain user under tini", async ({ image }) => {
    const [config, base] = [await configOf(image.name), await configOf(image.base)];
    expect(config).toMatchObject({
      User: "10001:10001",
      Entrypoint: ["/usr/bin/tini", "--", "dataops"],
      Cmd: ["daemon"],
      WorkingDir: "/etc/dataops",
      Volumes: { "/var/lib/dataops": {}, "/tmp": {} },
      ExposedPorts: { "8080/tcp": {} },
      Healthcheck: { Test: ["CMD", "node", "/app/dist/healthcheck.js"] },
    });
    expect(config.Labels).toMatchObject({
      "org.opencontainers.image.title": "dataops",
      "org.opencontainers.image.licenses": "MIT",
      "org.opencontainers.image.version": image.version,
      "org.opencontainers.image.revision": image.revision,
      "org.opencontainers.image.base.name": image.base,
    });
    const added = config.Env.filter((variable) => !base.Env.includes(variable))
      .map((variable) => variable.slice(0, variable.indexOf("=")))
      // Builders say the usual one where the base says none.
      .filter((name) => name !== "PATH");
    expect(added.toSorted()).toEqual(["HOME", "MALLOC_ARENA_MAX", "NODE_ENV", "PORT", "XDG_CACHE_HOME"]);
  });

  test("says its version, and what it was built from", async ({ image }) => {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- our own
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect(await runContainer(image.name, ["--version"])).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
    expect(JSON.parse(await run(image.name, "cat", "/app/version.json"))).toEqual({
      version: image.version,
      commit: image.revision,
      source: "unknown",
      build: "unknown",
    });
  });

  test("has PostgreSQL's clients, and neither npm nor its like", async ({ image }) => {
    const majors = (await run(image.name, "ls", "/usr/lib/postgresql")).split("\n");
    const expected = { pgdg: ["14", "15", "16", "17", "18"], distribution: [expect.any(String)] };
    expect(majors).toEqual(expected[image.clientsFrom]);
    for (const major of majors) {
      const bin = `/usr/lib/postgresql/${major}/bin`;
      for (const program of ["pg_dump", "pg_restore", "psql"])
        expect(await run(image.name, `${bin}/${program}`, "--version")).toContain(`(PostgreSQL) ${major}.`);
    }
    const tools = "for name in npm npx corepack yarn gcc make; do command -v $name; done; true";
    expect(await run(image.name, "sh", "-c", tools)).toBe("");
  });

  test("holds the packages that the program needs, and no others", async ({ image }) => {
    const { needed, forDevelopment } = await lockedPackages();
    const found = (
      await run(image.name, "find", "/app/node_modules", "-name", "package.json", "-printf", "%h\n")
    )
      .split("\n")
      .map((path) => path.replace("/app/", ""));
    expect(needed.filter((place) => !found.includes(place))).toEqual([]);
    expect(forDevelopment.filter((place) => found.includes(place))).toEqual([]);
  });

  test("holds the program and no sources, for everybody to read and nobody to write", async ({ image }) => {
    const files = (await run(image.name, "find", "/app", "/etc/dataops", "-printf", "%M %U %p\n"))
      .split("\n")
      .map((line) => /^(.)(\S+) (\d+) (.+)$/.exec(line) ?? [])
      .map(([, type = "", mode = "", owner = "", path = ""]) => ({ type, mode, owner, path }));
    const ours = files.map(({ path }) => path).filter((path) => !path.startsWith("/app/node_modules/"));
    expect(ours.filter((path) => !path.startsWith("/app/dist/")).toSorted()).toEqual([
      "/app",
      "/app/LICENSE",
      "/app/dist",
      "/app/node_modules",
      "/app/package.json",
      "/app/version.json",
      "/etc/dataops",
    ]);
    expect(ours.filter((path) => /\.(ts|map)$/.test(path))).toEqual([]);
    const closed = files.filter(({ type, mode }) => type !== "l" && !/^r..r..r../.test(mode));
    const open = files.filter(
      ({ type, mode, owner }) => owner !== "0" || (type !== "l" && /^.....w|^.......w/.test(mode)),
    );
    expect({ closed, open }).toEqual({ closed: [], open: [] });
  });

  test("holds no secret that lay about where it was built", async ({ image }) => {
    const history = await docker(["history", "--no-trunc", "--format", "{{.CreatedBy}}", image.name]);
    expect(history).toContain("HEALTHCHECK");
    expect(history).not.toContain(image.sentinel);
    expect(image.log).not.toContain(image.sentinel);
    const { occurrences, bytes } = await searchLayers(
      image.name,
      image.sentinel,
      "org.opencontainers.image.title",
    );
    expect(bytes).toBeGreaterThan(100_000_000);
    expect(occurrences).toEqual([false, true]);
  });

  test("cannot write to itself", async ({ image }) => {
    const touch =
      'for place in / /app /etc/dataops /usr /var/lib; do touch "$place/x" && echo "$place"; done; true';
    const readOnly = await runContainer(image.name, ["-c", `${touch}; touch /tmp/x ~/x && echo home; id`], {
      flags: ["--entrypoint=sh"],
    });
    expect(readOnly.stdout).toBe("home\nuid=10001(app) gid=10001(app) groups=10001(app)\n");
    expect(readOnly.stderr.match(/Read-only file system/g)).toHaveLength(5);
    // Also where nobody thought of making it so: there is nothing that its user may write to.
    const plain = await docker(["run", "--rm", "--entrypoint=sh", image.name, "-c", `exec 2>&1; ${touch}`]);
    expect(plain.match(/Permission denied/g)).toHaveLength(5);
  });

  test("needs nothing but --read-only: the two places that are written to are volumes", async ({ image }) => {
    const command = "touch /tmp/x ~/x && stat --format=%a /tmp ~";
    const flags = ["--rm", "--read-only", "--network=host", "--entrypoint=sh"];
    expect(await docker(["run", ...flags, image.name, "-c", command])).toBe("1777\n700");
  });
});

/** Whether the image, with every layer of it that is not compressed, holds each of some texts; and its size. */
async function searchLayers(
  image: string,
  ...texts: readonly string[]
): Promise<{ occurrences: boolean[]; bytes: number }> {
  const save = spawn("docker", ["save", image], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(save, "close");
  const occurrences = texts.map(() => false);
  const overlap = Math.max(...texts.map((text) => text.length));
  let [bytes, rest] = [0, Buffer.alloc(0)];
  for await (const chunk of save.stdout as AsyncIterable<Buffer>) {
    const window = Buffer.concat([rest, chunk]);
    for (const [index, text] of texts.entries()) occurrences[index] ||= window.includes(text);
    rest = window.subarray(-overlap);
    bytes += chunk.length;
  }
  await closed;
  return { occurrences, bytes };
}
