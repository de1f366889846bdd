import { execFile } from "node:child_process";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { requirePrograms } from "../../support/debian.ts";
import { at, KIT, textAt } from "../../support/kit.ts";
import { programsOrSkip } from "../../support/programs-or-skip.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** What is under `deploy/`, as the programs read it that it is for. None of them asks anybody. */

const run = promisify(execFile);

/** Milliseconds: a package that is missing has to be installed first. */
const INSTALL_TIMEOUT = 180_000;

/** A copy of a folder of the kit, that a test may change. */
async function copyOf(folder: string): Promise<string> {
  const copy = join(await temporaryFolder("kit"), folder);
  await cp(join(KIT, folder), copy, { recursive: true });
  return copy;
}

/** Skips a test whose program is not on this machine, and in no package of Debian's. */
async function programOrSkip(context: { skip: (note?: string) => never }, program: string): Promise<void> {
  await requirePrograms(program, [program], []).catch(() =>
    context.skip(`${program} is not on this machine`),
  );
}

describe("systemd", () => {
  test("takes the units, and finds little to be exposed", { timeout: INSTALL_TIMEOUT }, async (context) => {
    await programsOrSkip(context, "systemd", ["systemd-analyze"], ["systemd"]);
    const folder = await copyOf("systemd");
    const units = await readdir(folder);
    for (const unit of units) {
      // It looks whether the program is there.
      const text = await readFile(join(folder, unit), "utf8");
      await writeFile(join(folder, unit), text.replace("/usr/local/bin/dataops", process.execPath));
    }
    // An instance's name stands for the database's.
    const paths = units.map((unit) => join(folder, unit));
    const { stderr } = await run("systemd-analyze", [
      "verify",
      "--man=no",
      "--recursive-errors=yes",
      ...paths,
    ]);
    expect(stderr).toBe("");
    for (const unit of units.filter((name) => name.endsWith(".service"))) {
      // In tenths, from 0 to 100; a unit without any of it has 96.
      const limits = ["--threshold=20", "--offline=yes", "--no-pager"];
      await expect(
        run("systemd-analyze", ["security", ...limits, join(folder, unit)]),
        unit,
      ).resolves.toBeDefined();
    }
  });
});

describe("Docker Compose", () => {
  test(
    "takes the file, with what .env.example asks for filled in",
    { timeout: INSTALL_TIMEOUT },
    async (context) => {
      await programsOrSkip(context, "Docker Compose", ["docker-compose"], ["docker-compose"]);
      const folder = await copyOf("compose");
      const example = await readFile(join(folder, ".env.example"), "utf8");
      await writeFile(join(folder, ".env"), example.replaceAll(/^(\w*PASSWORD)=$/gm, "$1=p@ss:w/rd"));
      const { stdout } = await run("docker-compose", ["--file", "compose.yaml", "config"], { cwd: folder });
      const services: unknown = at(parseAllDocuments(stdout)[0]?.toJS(), "services");
      expect(at(services, "dataops.environment")).toMatchObject({
        DATABASE_URL: "postgres://app@postgres:5432/app",
        PGPASSWORD: "p@ss:w/rd",
        DATAOPS_PASSWORD: "p@ss:w/rd",
        DATAOPS_STORAGE: "file:///var/lib/dataops/storage",
      });
      expect(at(services, "dataops.read_only")).toBe(true);
    },
  );
});

describe("kubectl", () => {
  test("builds what is to be applied: one image, and the configuration under its digest", async (context) => {
    await programOrSkip(context, "kubectl");
    const { stdout } = await run("kubectl", ["kustomize", join(KIT, "kubernetes")]);
    const resources = parseAllDocuments(stdout).map((document) => document.toJS() as unknown);
    expect(resources.map((resource) => textAt(resource, "kind")).toSorted()).toEqual([
      "ConfigMap",
      "CronJob",
      "Deployment",
      "Namespace",
      "Service",
      "ServiceAccount",
      "ServiceAccount",
    ]);
    const config = resources.find((resource) => textAt(resource, "kind") === "ConfigMap");
    const name = textAt(config, "metadata.name");
    expect(name).toMatch(/^dataops-config-[a-z0-9]+$/);
    expect(stdout.match(new RegExp(`^ +name: ${name}$`, "gm"))).toHaveLength(3);
    expect(stdout).not.toMatch(/image: dataops$/m);
  });
});

describe("actionlint", () => {
  test("finds nothing wrong with the workflow", async (context) => {
    await programOrSkip(context, "actionlint");
    const options = ["-shellcheck=", "-pyflakes="];
    const { stdout } = await run("actionlint", [...options, join(KIT, "github-actions", "dataops.yml")]);
    expect(stdout).toBe("");
  });
});
