import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { commandName, COMMANDS } from "../../src/commands/index.ts";
import { ESCAPE, expectOnlyJsonLines } from "../support/command-line.ts";
import { test } from "../support/e2e-test.ts";
import { urlFor } from "../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../support/postgres-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("every command's success is one JSON document on stdout, and JSON lines on stderr", async ({
  database,
  dataops,
}) => {
  const { server } = database;
  await (await database.connect()).query("CREATE TABLE orders AS SELECT generate_series(1, 10) AS id");
  const local = uniqueName("json");
  for (const name of ["", "__old", "__template"].map((end) => local + end))
    onTestFinished(() => runAsSuperuser(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const folder = await temporaryFolder("json");
  const environment = {
    DATABASE_URL: urlFor(server, database.name),
    LOCAL_DATABASE_URL: urlFor(server, local),
    DATAOPS_STORAGE: `file://${join(folder, "storage")}`,
    DATAOPS_CACHE_DIRECTORY: join(folder, "cache"),
  };
  const tried = new Set<string>();
  const run = async (...args: string[]): Promise<unknown> => {
    tried.add(args[0] ?? "");
    const ended = await dataops.run([...args, "--json"], { environment });
    expect([0, 3], ended.stdout + ended.stderr).toContain(ended.code);
    expectOnlyJsonLines(ended);
    expect(ended.stdout).not.toMatch(ESCAPE);
    return ended.json();
  };

  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the test looks at
  const { id } = (await run("backup")) as { id: string };
  expect(await run("list")).toMatchObject({ backups: [{ id, rows: 10 }] });
  expect(await run("show", "latest")).toMatchObject({ id });
  expect(await run("keep", "latest")).toMatchObject({ id, kept: true });
  expect(await run("keep", "latest", "--remove")).toMatchObject({ id, kept: false });
  expect(await run("verify", "latest")).toMatchObject({ verifications: [{ backup: id, state: "passed" }] });
  expect(await run("status")).toMatchObject({ databases: [{ newestGood: id }, { database: "local" }] });
  expect(await run("check", "production")).toMatchObject({ level: "ok", exit: "done", code: 0 });
  expect(await run("accept", id)).toEqual({ id, database: "production", suspect: [], accepted: false });
  expect(await run("keep", id)).toEqual({ id, database: "production", kept: true });
  expect(await run("show", id)).toMatchObject({ id, kept: { id, reason: null } });
  expect(await run("prune", "--confirm")).toMatchObject({
    confirmed: true,
    backups: [{ id, state: "good", keptBy: ["newest good", "kept", "no rules"], deleted: false }],
    deleted: { backups: 0, packs: 0 },
  });
  expect(await run("verify")).toMatchObject({
    verifications: [{ database: "production", backup: id, kind: "read", state: "passed" }],
  });
  const restored = { backup: id, target: "local", database: local, rows: 10 };
  expect(await run("fetch-latest-db")).toMatchObject({ ...restored, old: null });
  expect(await run("stamp", "local", "development", "--confirm", local)).toEqual({
    target: "local",
    database: local,
    environment: "development",
    before: null,
  });
  expect(await run("restore", id, "--to", "local", "--yes")).toMatchObject({
    ...restored,
    old: `${local}__old`,
    downloaded: 0,
  });
  expect(await run("undo", "local", "--yes")).toMatchObject({ target: "local", database: local });
  const config = join(folder, "seed.yaml");
  await writeFile(join(folder, "schema.sql"), "CREATE TABLE users (id int)");
  await writeFile(
    config,
    `databases: { local: { url: "\${LOCAL_DATABASE_URL}", environment: development } }
seed: { local: { schema: { sql: schema.sql } } }`,
  );
  expect(await run("seed", "local", "--config", config)).toMatchObject({ target: "local", failedJobs: [] });
  expect(await run("seed", "local", "--config", config, "--dry-run")).toMatchObject({
    schema: ["schema.sql"],
    fromTemplate: true,
  });
  expect(await run("doctor")).toMatchObject({ findings: expect.any(Array) as unknown });
  expect(await run("init", "--output", join(folder, "made.yaml"))).toEqual({
    file: join(folder, "made.yaml"),
  });
  expect(await run("config", "show")).toMatchObject({ file: null, values: expect.any(Array) as unknown });
  expect(await run("config", "validate")).toMatchObject({ valid: true });
  expect(await run("config", "schema")).toMatchObject({ type: "object" });
  expect(await run("print", "task-definition")).toMatchObject({ family: "dataops-daemon" });
  expect(await run("completion", "bash")).toMatchObject({ shell: "bash" });
  // `export` gives SQL, and says so where JSON is asked for; `notify` needs somebody to tell and `reindex` an engine, and have
  // their own tests; a daemon does not come to an end.
  const others = ["export", "notify", "reindex", "daemon"];
  expect(tried, "a command is forgotten here").toEqual(
    new Set(COMMANDS.map(commandName).filter((name) => !others.includes(name))),
  );
});
