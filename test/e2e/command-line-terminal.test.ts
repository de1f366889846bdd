import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { ESCAPE, expectOnlyJsonLines } from "../support/command-line.ts";
import { createBarrier, createBulk } from "../support/e2e-database.ts";
import { test } from "../support/e2e-test.ts";
import { urlFor } from "../support/postgres-servers.ts";
import type { TestDatabase } from "../support/postgres-test.ts";
import { openFileStorage } from "../../src/storage/file.ts";
import { storeManifest } from "../support/stored-history.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { atTerminal, HAS_TERMINAL, screenOf } from "../support/terminal.ts";

/** Enough for some frames of a bar. */
const MEGABYTES = 48;
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const SHOW_CURSOR = "\u001B[?25h";
const HIDE_CURSOR = "\u001B[?25l";

if (!HAS_TERMINAL) process.stderr.write("SKIPPED: terminals are made with util-linux's `script`\n");

describe.runIf(HAS_TERMINAL)("at a terminal", () => {
  test("a bar shows the bytes, and is gone at the end", async ({ database }) => {
    await createBulk(await database.connect(), MEGABYTES);
    const folder = await temporaryFolder("terminal");
    const session = await atTerminal(["backup"], { environment: environmentFor(database, folder), folder });
    expect(session, session.written).toMatchObject({ code: 0 });
    expect(session.written).toMatch(/dump +=+-* +[1-9][\d.]* MB of [\d.]+ MB, [\d.]+ MB\/s, [\d.]+ s left/);
    expect(screenOf(session)).toEqual([
      expect.stringMatching(/^backup \S+ of production: 1 table, 48,000 rows, /),
    ]);
    expect(session.written.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(
      session.written.lastIndexOf(HIDE_CURSOR),
    );
  });

  test("--quiet and --json have no bar", async ({ database }) => {
    const folder = await temporaryFolder("terminal");
    const environment = environmentFor(database, folder);
    for (const flag of ["--quiet", "--json"]) {
      const session = await atTerminal(["backup", flag], { environment, folder });
      expect(session, session.written).toMatchObject({ code: 0 });
      expect(session.written).not.toMatch(ESCAPE);
    }
  });

  test("Ctrl-C ends it, clears the bar and shows the cursor again", async ({ database }) => {
    const barrier = await createBarrier(database, 24);
    const folder = await temporaryFolder("terminal");
    const session = await atTerminal(["backup"], {
      environment: environmentFor(database, folder),
      folder,
      answers: [[" MB of ", CTRL_C]],
    });
    await barrier.release();
    expect(session, session.written).toMatchObject({ code: 130 });
    expect(screenOf(session).at(-1)).toMatch(/^(?:\^C)?error: interrupted$/);
    expect(session.written.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(
      session.written.lastIndexOf(HIDE_CURSOR),
    );
  });

  test("warnings are coloured, but not where that is not wanted", async () => {
    const folder = await temporaryFolder("terminal");
    const environment = { DATABASE_URL: "postgres://localhost/app?service=not-here" };
    const args = ["config", "validate"];
    const colored = await atTerminal(args, { environment, folder });
    expect(colored, colored.written).toMatchObject({ code: 3 });
    expect(colored.written).toContain("\u001B[33mwarning:");
    for (const plain of [
      { args, environment: { ...environment, NO_COLOR: "1" } },
      { args, environment: { ...environment, TERM: "dumb" } },
      { args: [...args, "--no-color"], environment },
    ]) {
      const session = await atTerminal(plain.args, { environment: plain.environment, folder });
      expect(session.written).toMatch(/^warning: /m);
      expect(session.written).not.toMatch(ESCAPE);
    }
  });

  test("status draws its bars in colours and blocks, but not where they cannot be shown", async () => {
    const folder = await temporaryFolder("terminal");
    const storage = openFileStorage(join(folder, "storage"));
    const hours = (count: number): string => new Date(Date.now() - count * 3_600_000).toISOString();
    await storeManifest(storage, hours(3));
    await storeManifest(storage, hours(1), { suspect: ["smaller"] });
    const environment = {
      DATABASE_URL: "postgres://localhost/app",
      DATAOPS_STORAGE: `file://${join(folder, "storage")}`,
      LANG: "C.UTF-8",
    };
    const drawn = await atTerminal(["status"], { environment, folder });
    expect(drawn, drawn.written).toMatchObject({ code: 0 });
    expect(drawn.written).toContain("  █\u001B[33m█\u001B[39m");
    const plain = { ...environment, NO_COLOR: "1", LC_ALL: "C" };
    const session = await atTerminal(["status"], { environment: plain, folder });
    expect(session.written).toContain("  ##");
    expect(session.written).not.toMatch(ESCAPE);
  });

  test("init asks, and Enter takes what is in brackets", async () => {
    const folder = await temporaryFolder("terminal");
    const session = await atTerminal(["init"], {
      environment: {},
      folder,
      answers: [
        ["Where do backups go?", "s3://typed/prefix\r"],
        ["Production's URL?", "\r"],
        ["The local database's URL?", "postgres:///typed\r"],
      ],
    });
    expect(session, session.written).toMatchObject({ code: 0 });
    const made = await readFile(join(folder, "dataops.config.yaml"), "utf8");
    expect(made).toContain('storage: "s3://typed/prefix"');
    expect(made).toContain('url: "${DATABASE_URL}"');
    expect(made).toContain('url: "postgres:///typed"');
  });

  test.for([
    ["Ctrl-C", CTRL_C],
    ["Ctrl-D", CTRL_D],
  ] as const)("%s at a question ends it, and nothing is written", async ([, key]) => {
    const folder = await temporaryFolder("terminal");
    const session = await atTerminal(["init"], {
      environment: {},
      folder,
      answers: [["Where do backups go?", key]],
    });
    expect(session, session.written).toMatchObject({ code: 130 });
    expect(session.written.match(/error: /g)).toHaveLength(1);
    expect(session.written).not.toContain("bug");
    await expect(readFile(join(folder, "dataops.config.yaml"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("without a terminal", () => {
  test("stdout is data, stderr is talk, and nothing is drawn", async ({ database, dataops }) => {
    await createBulk(await database.connect(), MEGABYTES);
    const environment = environmentFor(database, await temporaryFolder("pipe"));
    const told = await dataops.run(["backup"], { environment });
    const json = await dataops.run(["backup", "--json"], { environment });
    expect(told, told.stderr).toMatchObject({ code: 0 });
    expect(told.stdout).toMatch(/^backup \S+ of production: .*\n$/);
    expect(json.json()).toMatchObject({ database: "production" });
    expectOnlyJsonLines(json);
    const progress = json.stderr.split("\n").filter((line) => line.includes('"event":"progress-end"'));
    expect(progress).toContainEqual(expect.stringMatching(/"stage":"dump","bytes":[1-9]\d{7,}/));
    for (const { stdout, stderr } of [told, json]) expect(stdout + stderr).not.toMatch(ESCAPE);

    const quiet = await dataops.run(["backup", "--json", "--quiet"], { environment });
    expect(quiet).toMatchObject({ code: 0, stderr: "" });
  });
});

function environmentFor(database: TestDatabase, folder: string): Record<string, string> {
  return {
    DATABASE_URL: urlFor(database.server, database.name),
    DATAOPS_STORAGE: `file://${join(folder, "storage")}`,
  };
}
