import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { exitGate } from "../../../src/postgres/exit-gate.ts";
import { databaseOption } from "../../../src/postgres/settings-for-tools.ts";
import {
  chooseDumpClient,
  discoverTools,
  spawnTool,
  type SpawnOptions,
  type RunningTool,
} from "../../../src/postgres/tools.ts";
import { freePort } from "../../support/ports.ts";
import { SENTINEL_PASSWORD, settingsFor } from "../../support/postgres-servers.ts";
import { createDatabase, test, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";

async function startDump(
  options: SpawnOptions,
  args: string[] = ["--format=custom", "--compress=0"],
): Promise<RunningTool> {
  const [tools] = (await discoverTools(process.env)).filter(({ major }) => major === 15);
  if (tools === undefined) throw new Error("pg_dump 15 is not installed");
  return spawnTool({ ...tools, program: "pg_dump" }, args, { applicationName: "dataops:test", ...options });
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of source) bytes += chunk.byteLength;
  return bytes;
}

async function fill(database: TestDatabase): Promise<void> {
  await using client = await database.connect();
  await client.query(
    "CREATE TABLE filler AS SELECT n, repeat('x', 1000) AS text FROM generate_series(1, 20000) AS n",
  );
}

describe("pg_dump", () => {
  test("logs in with every awkward character in the password, over TCP and over a socket", async ({
    database,
  }) => {
    await fill(database);
    const { socketDirectory } = database.server;
    for (const host of [database.settings.host, socketDirectory ?? database.settings.host]) {
      const running = await startDump({ settings: { ...database.settings, host } });
      expect(await drain(exitGate(running))).toBeGreaterThan(20_000_000);
    }
  });

  test("reaches a database whose name reads like connection settings", async ({
    postgres15,
    onTestFinished,
  }) => {
    const database = await createDatabase(postgres15, `host=evil '\\" 🐘 ${uniqueName("x")}`);
    onTestFinished(() => database.drop());
    const fromEnvironment = await startDump({ settings: database.settings });
    const whole = await drain(exitGate(fromEnvironment));
    const fromOption = await startDump({ settings: settingsFor(postgres15) }, [
      databaseOption(database.name),
      "--format=custom",
    ]);
    expect(whole).toBeGreaterThan(0);
    expect(await drain(exitGate(fromOption))).toBe(whole);
  });

  test("with a wrong password is not permitted; without a server, unreachable", async ({ database }) => {
    for (const password of ["wrong", "w:r@o/n#g%&'$\\\""]) {
      const wrong = await startDump({ settings: { ...database.settings, password: new Secret(password) } });
      const failure = drain(exitGate(wrong));
      await expect(failure).rejects.toMatchObject({ exit: "notPermitted" });
      await expect(failure).rejects.not.toThrow(password);
    }
    const nobody = await startDump({ settings: { ...database.settings, port: await freePort() } });
    await expect(drain(exitGate(nobody))).rejects.toMatchObject({ exit: "unreachable" });
  });

  test("ends at an abort, and so does its session", async ({ database }) => {
    await fill(database);
    await using observer = await database.connect();
    const controller = new AbortController();
    const running = await startDump({ settings: database.settings, signal: controller.signal });
    const gate = exitGate(running);
    await gate.next();
    const sessions = (): Promise<unknown[]> =>
      observer.query(
        "SELECT FROM pg_stat_activity WHERE application_name = 'dataops:test' AND datname = current_database()",
      );
    expect(await sessions()).toHaveLength(1);
    const reason = new Error("stop now");
    controller.abort(reason);
    await expect(drain(gate)).rejects.toBe(reason);
    await expect.poll(sessions).toEqual([]);
  });

  test("ended by the server after 1 MB fails", async ({ database }) => {
    await fill(database);
    await using observer = await database.connect();
    const gate = exitGate(await startDump({ settings: database.settings }));
    let bytes = 0;
    while (bytes < 1024 * 1024) bytes += (await gate.next()).value?.byteLength ?? 0;
    await observer.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dataops:test' AND datname = current_database()",
    );
    await expect(drain(gate)).rejects.toMatchObject({
      exit: "failed",
      message: expect.stringMatching(/^pg_dump failed/),
    });
  });

  test("shows the password to nobody who lists processes", async ({ database }) => {
    await fill(database);
    const running = await startDump({ settings: database.settings });
    const gate = exitGate(running);
    await gate.next();
    const shown: string[] = [];
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      for (const file of ["cmdline", "environ"]) {
        const content = await readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "");
        if (content.includes(SENTINEL_PASSWORD) && content.includes("pg_dump")) shown.push(`${pid} ${file}`);
      }
    }
    await gate.return();
    expect(shown).toEqual([]);
  });
});

describe("of several majors", () => {
  test("pg_dump and psql are found for 15, 16 and 18, whatever PATH says", async ({
    postgres15,
    postgres16,
    postgres18,
  }) => {
    for (const server of [postgres15, postgres16, postgres18]) {
      const others = [postgres18, postgres16, postgres15].map(({ programs }) => programs ?? "");
      const installed = await discoverTools({ PATH: `${others.join(":")}:${process.env["PATH"]}` });
      const chosen = chooseDumpClient(installed, Number(server.version) * 10_000);
      expect(chosen.major).toBe(server.version);
      const running = spawnTool({ ...chosen, program: "pg_dump" }, ["--format=custom"], {
        settings: settingsFor(server),
      });
      expect(await drain(exitGate(running))).toBeGreaterThan(0);
    }
  });

  test("pg_restore 18 cannot restore into a server before 17: why the choice refuses it", async ({
    database,
    postgres18,
  }) => {
    const tool = { directory: postgres18.programs ?? "", program: "pg_dump" } as const;
    const folder = await mkdtemp(`${tmpdir()}/dataops-archive-`);
    const archive = `${folder}/archive`;
    try {
      await drain(
        exitGate(spawnTool(tool, ["--format=custom", `--file=${archive}`], { settings: database.settings })),
      );
      const restore = spawnTool(
        { ...tool, program: "pg_restore" },
        ["--exit-on-error", databaseOption(database.name), archive],
        {
          settings: database.settings,
        },
      );
      await expect(drain(exitGate(restore))).rejects.toMatchObject({
        message: expect.stringContaining("transaction_timeout"),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
