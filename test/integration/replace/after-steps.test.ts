import { execFile } from "node:child_process";
import { access, chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { AfterStep } from "../../../src/config/config.ts";
import { readServerFacts } from "../../../src/postgres/server-facts.ts";
import { checkAfterSteps, runAfterSteps } from "../../../src/replace/after/steps.ts";
import { temporaryRoleName } from "../../../src/replace/scratch/names.ts";
import type { Scratch } from "../../../src/replace/scratch/scratch.ts";
import { makeBackupId } from "../../../src/repository/backup-id.ts";
import { test } from "../../support/postgres-test.ts";
import { collectingReporter, connectTo, scratchIn } from "../../support/scratch.ts";
import type { SharedPostgres } from "../../support/shared-servers.ts";

const run = promisify(execFile);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dataops-after-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Fixture extends AsyncDisposable {
  scratch: Scratch;
  role: string;
}

async function withScratch(server: SharedPostgres): Promise<Fixture> {
  const maintenance = await connectTo(server);
  const { source } = await readServerFacts(maintenance);
  const runId = makeBackupId(Date.now());
  const scratch = await scratchIn(maintenance, source, { runId });
  return {
    scratch,
    role: temporaryRoleName(runId),
    [Symbol.asyncDispose]: async () => {
      await scratch[Symbol.asyncDispose]();
      await maintenance[Symbol.asyncDispose]();
    },
  };
}

async function runSteps(
  scratch: Scratch,
  steps: AfterStep[],
  { signal = new AbortController().signal, environment = process.env } = {},
): Promise<string[]> {
  const { reporter, infos } = collectingReporter();
  await runAfterSteps(steps, { scratch, folder, reporter, signal, environment });
  return infos;
}

async function file(name: string, content: string): Promise<string> {
  await writeFile(join(folder, name), content);
  return name;
}

async function program(name: string, script: string): Promise<string> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
  return `./${name}`;
}

async function query(scratch: Scratch, sql: string): Promise<unknown[]> {
  await using client = await scratch.connectAsLoader();
  return await client.query(sql);
}

describe("an SQL step", () => {
  test("runs many statements as who loaded, in order", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const { scratch, role } = fixture;
    const first = await file(
      "first.sql",
      "\uFEFFCREATE TABLE who (name text); -- a comment; with a semicolon\nINSERT INTO who SELECT session_user; INSERT INTO who VALUES ('$1 ; ''x''');",
    );
    const second = await file("second.sql", "UPDATE who SET name = 'changed' WHERE name LIKE '$1%'");
    const empty = await file("empty.sql", "-- nothing yet\n");
    await runSteps(scratch, [{ sql: first }, { sql: second }, { sql: empty }]);
    expect(await query(scratch, "SELECT name FROM who ORDER BY name")).toEqual([
      { name: "changed" },
      { name: role },
    ]);
  });

  test("runs wholly or not at all, and says which line failed", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const { scratch } = fixture;
    const sql = await file(
      "broken.sql",
      "CREATE TABLE half (id int);\n-- ☃👍\nSELECT nonsense\n  FROM half;",
    );
    await expect(runSteps(scratch, [{ sql }])).rejects.toMatchObject({
      exit: "failed",
      message: 'after step 1 (broken.sql), line 3: column "nonsense" does not exist',
    });
    expect(await query(scratch, "SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
  });

  test("says that psql's commands mean nothing here", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const sql = await file("psql.sql", "\\set x 1\nSELECT :x;");
    await expect(runSteps(fixture.scratch, [{ sql }])).rejects.toMatchObject({
      exit: "failed",
      hint: expect.stringContaining("psql"),
    });
  });
});

describe("a command step", () => {
  const SHOW = `echo "$DATABASE_URL"; echo "$PGHOST|$PGPORT|$PGUSER|$PGDATABASE|$PGPASSWORD|$PGSERVICE|$PGOPTIONS|$OTHER"; pwd; printf '%s\\n' "$@"`;

  test("finds the scratch database in its environment, and its arguments as they are", async ({
    postgres15,
  }) => {
    await using fixture = await withScratch(postgres15);
    const { scratch, role } = fixture;
    const command = [await program("show", SHOW), "a b", "$HOME; true", "*"];
    const environment = {
      ...process.env,
      OTHER: "kept",
      PGSERVICE: "elsewhere",
      PGOPTIONS: "-c a=b",
      DATABASE_URL: "other",
    };
    const [title, url, variables, place, ...args] = await runSteps(scratch, [{ command }], { environment });
    const password = scratch.loader.password?.reveal();
    expect(title).toBe("after step 1 (./show)");
    expect(url).toBe(
      `postgresql://${role}:${password}@${postgres15.host}:${postgres15.port}/${scratch.name}?sslmode=disable`,
    );
    expect(variables).toBe(
      `${postgres15.host}|${postgres15.port}|${role}|${scratch.name}|${password}|||kept`,
    );
    expect(place).toContain("dataops-after-");
    expect(args).toEqual(["a b", "$HOME; true", "*"]);
  });

  test("can log in with what it is given", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const psql = join(postgres15.programs ?? "", "psql");
    const infos = await runSteps(fixture.scratch, [
      { command: [psql, "--no-psqlrc", "--command=CREATE TABLE made (id int)"] },
      {
        command: [
          await program(
            "by-url",
            `exec '${psql}' "$DATABASE_URL" -XAtc "SELECT 'url ' || to_regclass('made')"`,
          ),
        ],
      },
    ]);
    expect(infos).toContain("CREATE TABLE");
    expect(infos).toContain("url made");
  });

  test("that fails ends the restore, and the next does not run", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const never = join(folder, "never");
    const steps: AfterStep[] = [
      { command: [await program("fails", "echo first; echo 'no such thing' >&2; exit 3")] },
      { command: [await program("next", `touch '${never}'`)] },
    ];
    await expect(runSteps(fixture.scratch, steps)).rejects.toMatchObject({
      exit: "failed",
      message: "after step 1 (./fails) failed (exit code 3): no such thing",
    });
    await expect(access(never)).rejects.toThrow("ENOENT");
  });

  test("ends with the run, with what it started", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const abort = new AbortController();
    const reason = new Error("enough");
    const { reporter, infos } = collectingReporter();
    const running = runAfterSteps([{ command: [await program("long", "sleep 60 & echo $!; wait")] }], {
      scratch: fixture.scratch,
      folder,
      reporter,
      signal: abort.signal,
      environment: process.env,
    }).catch((error: unknown) => error);
    await expect.poll(() => infos.length, { timeout: 5_000 }).toBe(2);
    const start = performance.now();
    abort.abort(reason);
    expect(await running).toBe(reason);
    expect(performance.now() - start).toBeLessThan(2_000);
    await expect.poll(() => isAlive(Number(infos[1]))).toBe(false);
  });

  test("does not wait for what it leaves behind, and ends it", async ({ postgres15 }) => {
    await using fixture = await withScratch(postgres15);
    const start = performance.now();
    const infos = await runSteps(fixture.scratch, [
      { command: [await program("leaves", "sleep 60 & echo $!")] },
    ]);
    expect(performance.now() - start).toBeLessThan(5_000);
    await expect.poll(() => isAlive(Number(infos[1]))).toBe(false);
  });
});

/** A process that nobody has waited for yet is a zombie, and as good as gone. */
async function isAlive(pid: number): Promise<boolean> {
  const state = await run("ps", ["-o", "stat=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return /^[^Z]/.test(state.stdout.trim());
}

describe("checkAfterSteps", () => {
  test("finds every file and program, also in PATH", async () => {
    const sql = await file("there.sql", "");
    const command = [await program("there", "")];
    const steps: AfterStep[] = [
      { sql },
      { sql: join(folder, sql) },
      { command },
      { command: ["there", "-x"] },
    ];
    await expect(checkAfterSteps(steps, folder, { PATH: `/nowhere:${folder}` })).resolves.toBeUndefined();
  });

  test.for<[string, AfterStep, string]>([
    ["no file", { sql: "nowhere.sql" }, "after step 2 (nowhere.sql): there is no readable file"],
    ["a folder", { sql: "." }, "after step 2 (.): there is no readable file"],
    [
      "no program",
      { command: ["./nowhere", "secret"] },
      "after step 2 (./nowhere): there is no program ./nowhere",
    ],
    ["no program in PATH", { command: ["nowhere-at-all"] }, "there is no program nowhere-at-all"],
    ["a program that may not run", { command: ["./there.sql"] }, "there is no program ./there.sql"],
    ["an empty name", { command: [""] }, "there is no program"],
  ])("refuses %s", async ([, step, message]) => {
    const sql = await file("there.sql", "");
    const checked = checkAfterSteps([{ sql }, step], folder, { PATH: process.env["PATH"] });
    await expect(checked).rejects.toMatchObject({ exit: "usage", message: expect.stringContaining(message) });
  });
});
