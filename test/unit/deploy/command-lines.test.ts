import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { COMMANDS } from "../../../src/commands/index.ts";
import { findCommand, parseCommand } from "../../../src/commands/parse.ts";
import { filesOf, listAt, readKit, readYaml } from "../../support/kit.ts";

/** Every command line under `deploy/`, and of the page that tells of it, is read as the program reads it. */

/** The name of a Job that a CronJob makes, in place of its variable. */
const JOB = "dataops-backup-29920560";

// Here, where no test's time runs: with a command all that it needs is loaded.
await Promise.all(COMMANDS.map(async (command) => command.load()));

function containerOf(resource: unknown): string {
  return `spec.${isCronJob(resource) ? "jobTemplate.spec." : ""}template.spec.containers.0.args`;
}

function isCronJob(resource: unknown): boolean {
  return listAt(resource, "spec.jobTemplate.spec.template.spec.containers").length > 0;
}

async function inKubernetes(): Promise<string[][]> {
  const files = (await filesOf("kubernetes")).filter((file) => !file.startsWith("dataops."));
  const resources = (await Promise.all(files.map(async (file) => readYaml("kubernetes", file)))).flat();
  return resources
    .map((resource) => listAt(resource, containerOf(resource)).map(String))
    .filter((args) => args.length > 0)
    .map((args) => args.map((arg) => arg.replace("$(JOB_NAME)", JOB)));
}

async function inCompose(): Promise<string[][]> {
  const [compose] = await readYaml("compose", "compose.yaml");
  return [listAt(compose, "services.dataops.command").map(String)];
}

async function inSystemd(): Promise<string[][]> {
  const texts = await Promise.all((await filesOf("systemd")).map(async (file) => readKit("systemd", file)));
  return linesOf(
    texts.join("\n").replaceAll("%i", "production"),
    /^ExecStart=\/usr\/local\/bin\/dataops (.+)$/gm,
  );
}

async function inWorkflow(): Promise<string[][]> {
  return linesOf(await readKit("github-actions", "dataops.yml"), /^ +\w+\) dataops (.+) ;;$/gm);
}

async function inDocumentation(): Promise<string[][]> {
  const text = await readFile(new URL("../../../docs/deploy-elsewhere.md", import.meta.url), "utf8");
  return linesOf(text, /^ {4,}(?:.*(?: -- | --rm ))?dataops ([a-z].*)$/gm);
}

function linesOf(text: string, pattern: RegExp): string[][] {
  return [...text.matchAll(pattern)].map(([, line = ""]) => line.split(" "));
}

const SOURCES = {
  kubernetes: await inKubernetes(),
  compose: await inCompose(),
  systemd: await inSystemd(),
  "github-actions": await inWorkflow(),
  "docs/deploy-elsewhere.md": await inDocumentation(),
};

test.each(
  Object.entries(SOURCES).flatMap(([where, lines]) =>
    lines.map((args) => ({ where, line: args.join(" "), args })),
  ),
)("$where: dataops $line", async ({ args }) => {
  const entry = findCommand(args);
  expect(entry).toBeDefined();
  if (entry === undefined) return;
  expect(await parseCommand(entry, args)).toMatchObject({ kind: "run" });
});

test("there are as many as there are places for them", () => {
  const counts = Object.entries(SOURCES).map(([where, lines]) => [where, lines.length]);
  expect(Object.fromEntries(counts)).toEqual({
    kubernetes: 3,
    compose: 1,
    systemd: 2,
    "github-actions": 3,
    "docs/deploy-elsewhere.md": 6,
  });
});
