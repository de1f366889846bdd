import { execFile } from "node:child_process";
import { access, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import { describeCommand } from "../../src/commands/describe.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { expectFailure } from "../support/command-line.ts";
import { expectOneLine, test, type Dataops } from "../support/e2e-test.ts";
import { programsOrSkip } from "../support/programs-or-skip.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const run = promisify(execFile);

const PASSWORD = "s3cret@:/#%&'$";
const URL_WITH_PASSWORD = `postgres://app:${encodeURIComponent(PASSWORD)}@db.example.com/shop`;
const SEEN_PASSWORD = /s3cret/;

describe("init", () => {
  test("writes a configuration that only its owner can read, and that is valid", async ({ dataops }) => {
    const file = join(await temporaryFolder("init"), "made.yaml");
    const made = await dataops.run(["init", "--output", file], { environment: {} });
    expect(made, made.stderr).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toContain(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, "utf8")).match(/^ *#/gm)?.length, "it is commented").toBeGreaterThan(5);

    const environment = { DATAOPS_CONFIG: file, DATABASE_URL: URL_WITH_PASSWORD };
    const valid = await dataops.run(["config", "validate"], { environment });
    expect(valid, valid.stderr).toMatchObject({ code: 0 });
    const shown = await dataops.run(["config", "show", "--json"], { environment });
    expect(shown.json()).toMatchObject({
      file,
      values: expect.arrayContaining([
        expect.objectContaining({ path: "storage", value: "s3://my-bucket/dataops" }),
      ]) as unknown,
    });
  });

  test("takes the answers from flags, whatever is in them", async ({ dataops }) => {
    const file = join(await temporaryFolder("init"), "made.yaml");
    const storage = 's3://acme/it\'s: "quoted" # and more';
    const flags = ["--storage", storage, "--production", URL_WITH_PASSWORD, "--local", "postgres:///mine"];
    const made = await dataops.run(["init", "--output", file, "--json", ...flags], { environment: {} });
    expect(made, made.stdout).toMatchObject({ code: 0, stderr: "" });
    expect(made.json()).toEqual({ file });

    const shown = await dataops.run(["config", "show", "--config", file, "--json"], { environment: {} });
    expect(shown, shown.stderr).toMatchObject({ code: 0 });
    expect(shown.stdout).not.toMatch(SEEN_PASSWORD);
    const values = new Map(valuesOf(shown.json()).map(({ path, value }) => [path, value]));
    expect(values.get("storage")).toBe(storage);
    expect(values.get("databases.production.url")).toContain("app@db.example.com");
    expect(values.get("databases.local.url")).toContain("mine");
  });

  test("overwrites nothing", async ({ dataops }) => {
    const file = join(await temporaryFolder("init"), "mine.yaml");
    await writeFile(file, "mine");
    await expectFailure(
      dataops,
      ["init", "--output", file],
      { environment: {} },
      { code: 2, message: /mine\.yaml exists already/, hint: /--output/ },
    );
    expect(await readFile(file, "utf8")).toBe("mine");
  });

  test("leaves nothing where the answers make no configuration", async ({ dataops }) => {
    const file = join(await temporaryFolder("init"), "made.yaml");
    for (const bad of [
      ["--storage", "ftp://bucket"],
      ["--storage", "${never closed"],
      ["--production", "mysql://localhost/shop"],
      ["--local", "postgres://localhost/shop?frobnicate=1"],
    ]) {
      const ended = await dataops.run(["init", "--output", file, ...bad], { environment: {} });
      expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
      expectOneLine(ended);
      await expect(access(file), bad.join(" ")).rejects.toMatchObject({ code: "ENOENT" });
    }
  });

  test("a folder that is not there", async ({ dataops }) => {
    const expected = { code: 2, message: /^cannot write \/nowhere\//, hint: /--output/ };
    await expectFailure(dataops, ["init", "--output", "/nowhere/at/all.yaml"], { environment: {} }, expected);
  });
});

describe("config", () => {
  test("show tells every value and where it is from, and no password", async ({ dataops }) => {
    const config = {
      storage: { url: "${BUCKET}", region: "eu-central-1" },
      databases: {
        production: { url: URL_WITH_PASSWORD, environment: "production" },
        local: { url: "${LOCAL:-postgres://localhost/dev}", environment: "development" },
      },
    };
    const environment = { BUCKET: "s3://from-a-variable", DATAOPS_CACHE_DIRECTORY: "/from/the/environment" };
    const told = await dataops.run(["config", "show"], { environment, config });
    expect(told, told.stderr).toMatchObject({ code: 0, stderr: "" });
    expect(told.stdout).toMatch(/^KEY +VALUE +FROM$/m);
    expect(told.stdout).toMatch(
      /^storage\.url +s3:\/\/from-a-variable +dataops\.config\.yaml:1:\d+.*BUCKET/m,
    );
    expect(told.stdout).toMatch(/^cache\.directory +\/from\/the\/environment +.*DATAOPS_CACHE_DIRECTORY$/m);
    expect(told.stdout).toMatch(/^databases\.production\.url +.*app@db\.example\.com/m);
    const json = await dataops.run(["config", "show", "--json"], { environment, config });
    expect(valuesOf(json.json()).map(({ path }) => path)).toEqual(
      told.stdout
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ", 1)[0]),
    );
    for (const { stdout, stderr } of [told, json]) expect(stdout + stderr).not.toMatch(SEEN_PASSWORD);
  });

  test("validate warns of what this machine lacks", async ({ dataops }) => {
    const config = { databases: { production: { url: "${ONLY_ELSEWHERE}", environment: "production" } } };
    const ended = await dataops.run(["config", "validate"], { environment: {}, config });
    expect(ended, ended.stderr).toMatchObject({ code: 3 });
    expect(ended.stderr).toMatch(/^warning: .*ONLY_ELSEWHERE/);
    const json = await dataops.run(["config", "validate", "--json"], { environment: {}, config });
    expect(json.json()).toMatchObject({ valid: true, notHere: [expect.stringContaining("ONLY_ELSEWHERE")] });
  });

  test("schema is a JSON schema, the same with --json and without", async ({ dataops }) => {
    const [told, json] = await Promise.all([
      dataops.run(["config", "schema"], { environment: {} }),
      dataops.run(["config", "schema", "--json"], { environment: {} }),
    ]);
    expect(told).toMatchObject({ code: 0, stderr: "" });
    expect(told.json()).toEqual(json.json());
    expect(told.json()).toMatchObject({
      type: "object",
      additionalProperties: false,
      properties: { databases: {}, storage: {}, restore: {} },
    });
  });
});

describe("completion", () => {
  test.for(["bash", "zsh", "fish"] as const)(
    "%s: a sound script with every command and option",
    async (shell, { dataops, skip }) => {
      const file = await completionFile(dataops, shell);
      const script = await readFile(file, "utf8");
      for (const entry of COMMANDS) {
        const { name, options, choices } = await describeCommand(entry);
        const part = script.split("\n").filter((line) => line.includes(name));
        expect(part.length).toBeGreaterThan(0);
        for (const option of options)
          expect(part.join("\n")).toContain(shell === "fish" ? `-l ${option.name} ` : `--${option.name}`);
        for (const choice of choices) expect(part.join("\n")).toContain(choice);
      }
      const check = shell === "fish" ? ["--no-execute", file] : ["-n", file];
      await programsOrSkip({ skip }, shell, [shell], [shell]);
      await run(shell, check);
    },
  );

  test("the shell is known from SHELL", async ({ dataops }) => {
    const ended = await dataops.run(["completion"], { environment: { SHELL: "/usr/local/bin/fish" } });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(/^# fish completion/);
  });

  test("bash completes commands, options and values", async ({ dataops }) => {
    const script = await completionFile(dataops, "bash");
    const folder = await temporaryFolder("completion");
    await writeFile(join(folder, "my config.yaml"), "");
    const complete = (...words: string[]): Promise<string[]> => bashCompletes(script, folder, words);

    expect(await complete("")).toEqual(expect.arrayContaining(["backup", "fetch-latest-db", "--help"]));
    expect(await complete("re")).toEqual(["restore", "reindex"]);
    expect(await complete("fetch-latest-db", "--f")).toEqual(expect.arrayContaining(["--from", "--force"]));
    expect(await complete("config", "s")).toEqual(["show", "schema"]);
    expect(await complete("--json", "undo", "--y")).toEqual(["--yes"]);
    expect(await complete("--config", "my")).toEqual(["my config.yaml"]);
    expect(await complete("--config", "my config.yaml", "unlikely")).toEqual([]);
    expect(await complete("--config", "my config.yaml", "und")).toEqual(["undo"]);
    expect(await complete("frobnicate", "")).toEqual([]);
  });
});

async function completionFile(dataops: Dataops, shell: string): Promise<string> {
  const ended = await dataops.run(["completion", shell], { environment: {} });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  const json = await dataops.run(["completion", shell, "--json"], { environment: {} });
  expect(json.json()).toEqual({ shell, script: ended.stdout.trimEnd() });
  const file = join(await temporaryFolder("completion"), "script");
  await writeFile(file, ended.stdout);
  return file;
}

/** What bash offers for the last of the words after `dataops`. */
async function bashCompletes(script: string, folder: string, words: string[]): Promise<string[]> {
  const { stdout } = await run(
    "bash",
    [
      "-c",
      'source "$0"; COMP_WORDS=(dataops "$@"); COMP_CWORD=$#; _dataops; ((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}"; complete -p dataops >&2',
      script,
      ...words,
    ],
    { cwd: folder, env: { PATH: process.env["PATH"] } },
  );
  return stdout.split("\n").filter((line) => line !== "");
}

function valuesOf(shown: unknown): { path: string; value: string }[] {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  return (shown as { values: { path: string; value: string }[] }).values;
}
