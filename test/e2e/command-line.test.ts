import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { commandName, COMMANDS } from "../../src/commands/index.ts";
import { ESCAPE, expectFailure } from "../support/command-line.ts";
import { test } from "../support/e2e-test.ts";
import { inProcess } from "../support/in-process.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** Mistakes in the arguments alone: `usage`, whatever is configured. */
const MISTAKES: readonly (readonly [args: string, message: RegExp, hint?: RegExp])[] = [
  ["backpu", /^there is no command "backpu"$/, /^did you mean `dataops backup`\?$/],
  ["frobnicate", /^there is no command "frobnicate"$/, /`dataops --help`/],
  ["fetch", /^there is no command "fetch"$/],
  ["--frobnicate", /^unknown option or argument: --frobnicate$/],
  ["--hepl", /^unknown option or argument: --hepl$/, /^did you mean --help\?$/],
  ["help backpu", /^there is no command "backpu"$/],
  ["backup --frobnicate", /^unknown option or argument: frobnicate$/, /`dataops backup --help`/],
  ["backup --quite", /^unknown option or argument: quite$/, /^did you mean --quiet\?$/],
  ["fetch-latest-db --forse", /^unknown option or argument: forse$/, /^did you mean --force\?$/],
  ["list -x", /^unknown option or argument: x$/],
  ["list one two", /^unknown option or argument: two$/],
  ["show", /^<id> is missing$/, /`dataops show --help`/],
  ["stamp one", /^<environment> is missing$/],
  ["restore 20261121", /^--to is missing$/],
  ["restore 20261121 --to", /^--to needs a value$/],
  ["show latest --from", /^--from needs a value$/],
  ["show latest --from=", /^from is empty$/],
  ["list --config", /^--config needs a value$/],
  ["fetch-latest-db --jobs many", /^--jobs takes a number$/],
  ["fetch-latest-db --yes=perhaps", /^--yes takes no value$/],
  ["config frobnicate", /^action cannot be "frobnicate"$/, /^it is one of show, validate, schema$/],
  ["completion tcsh", /^shell cannot be "tcsh"$/, /^it is one of bash, zsh, fish$/],
  ["completion", /^no completion for the shell \(SHELL is not set\)$/, /bash, zsh, fish/],
];

describe("a mistake in the arguments", () => {
  test.for(MISTAKES)("dataops %s", async ([args, message, hint]) => {
    await expectFailure(
      inProcess,
      args.split(" "),
      { environment: {} },
      { code: 2, message, ...(hint === undefined ? {} : { hint }) },
    );
  });

  test("no command: for a person the overview, and still a mistake", async ({ dataops }) => {
    const all = await expectFailure(
      dataops,
      [],
      { environment: {} },
      { code: 2, message: /^no command is named$/, hint: /`dataops --help`/ },
    );
    expect(all).toContain("fetch-latest-db");
  });
});

describe("help", () => {
  test("the overview names every command", async ({ dataops }) => {
    const help = await dataops.run(["--help"], { environment: {} });
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const { usage, summary } of COMMANDS) {
      expect(help.stdout).toContain(usage);
      expect(help.stdout).toContain(summary);
    }
    expectHelp(help.stdout);
    for (const args of [["help"], ["-h"], ["--help", "--quiet"]])
      expect(await dataops.run(args, { environment: {} })).toMatchObject({ code: 0, stdout: help.stdout });
  });

  test.for(COMMANDS)("dataops $usage", async (entry) => {
    const name = commandName(entry);
    const [help, turned, json] = await Promise.all([
      inProcess.run([name, "--help"], { environment: {} }),
      inProcess.run(["help", name], { environment: {} }),
      inProcess.run([name, "--help", "--json"], { environment: {} }),
    ]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain(`dataops ${entry.usage}`);
    expect(help.stdout).toContain(entry.summary);
    expectHelp(help.stdout);
    expect(turned).toMatchObject({ code: 0, stdout: help.stdout });
    expect(json.json()).toEqual({ help: help.stdout.trimEnd() });
  });
});

test("--version", async ({ dataops }) => {
  const file = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- npm reads it the same way
  const { version } = JSON.parse(file) as { version: string };
  const told = await dataops.run(["--version"], { environment: {} });
  expect(told).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  expect((await dataops.run(["--version", "--json"], { environment: {} })).json()).toEqual({ version });
});

describe("a reader who leaves", () => {
  test.for([
    { args: ["--help"], code: 0 },
    { args: ["--version"], code: 0 },
    { args: ["completion", "zsh"], code: 0 },
    { args: ["config", "schema"], code: 0 },
    { args: ["config", "show", "--config", "missing.yaml", "--json"], code: 2 },
  ])("dataops $args into a closed pipe is quiet, and ends with its own code", async ({ args, code }) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await once(child, "close");
    expect({ code: child.exitCode, stderr }).toEqual({ code, stderr: "" });
  });
});

function expectHelp(text: string): void {
  expect(text).toMatch(/^Exit codes:$/m);
  expect(text).toMatch(/^ +0 {2}done$/m);
  expect(text).toMatch(/^Examples:$/m);
  expect(text).toMatch(/^ +dataops /m);
  expect(text).not.toMatch(ESCAPE);
}
