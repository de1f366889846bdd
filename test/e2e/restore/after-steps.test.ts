import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import {
  expectUntouched,
  laptopConfig,
  laptopEnvironment,
  PRODUCTION,
  test,
  traces,
} from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("steps after a restore", () => {
  test("run in the scratch database, before anybody can connect to the restored one", async ({
    shop,
    local,
    dataops,
  }) => {
    await local.create();
    const folder = await temporaryFolder("steps");
    const seen = join(folder, "seen");
    await writeFile(join(folder, "scrub.sql"), "UPDATE customers SET email = 'nobody@shop.test'");
    const script = `env >'${seen}'; psql --no-psqlrc -qAtc "INSERT INTO content SELECT current_database()" "$DATABASE_URL"`;
    const config = laptopConfig({
      after: [{ sql: join(folder, "scrub.sql") }, { command: ["sh", "-c", script] }],
    });
    const environment = laptopEnvironment(shop.folder, local);
    const restored = await dataops.run(["fetch-latest-db", "--yes"], { environment, config });
    expect(restored, restored.stderr).toMatchObject({ code: 0 });

    expect(await local.query("SELECT DISTINCT email FROM customers")).toEqual([
      { email: "nobody@shop.test" },
    ]);
    const [, added] = await local.query<{ value: string }>("SELECT value FROM content ORDER BY ctid");
    expect(added?.value).toMatch(new RegExp(`^${local.name}__new_`));
    const variables = await readFile(seen, "utf8");
    expect(variables).toMatch(new RegExp(`^PGDATABASE=${added?.value}$`, "m"));
    expect(variables, "no way to the target, but by its server").not.toMatch(
      new RegExp(`^(?!LOCAL_).*/${local.name}$`, "m"),
    );
    expect(await traces(local.server)).toEqual([]);
  });

  test.for<{ what: string; step: (folder: string) => unknown; says: RegExp }>([
    {
      what: "an SQL file",
      step: (folder) => ({ sql: join(folder, "broken.sql") }),
      says: /after step 1 .*no_such_table/,
    },
    {
      what: "a command",
      step: () => ({ command: ["sh", "-c", "echo it went wrong >&2; exit 7"] }),
      says: /after step 1 \(sh\) failed .*7.*it went wrong/,
    },
  ])("$what that fails leaves the target as it was", async ({ step, says }, { shop, local, dataops }) => {
    await local.create();
    const folder = await temporaryFolder("steps");
    await writeFile(join(folder, "broken.sql"), "SELECT 1; DELETE FROM no_such_table");
    const ran = join(folder, "ran");
    const config = laptopConfig({ after: [step(folder), { command: ["touch", ran] }] });
    const environment = laptopEnvironment(shop.folder, local);
    const failed = await dataops.run(["fetch-latest-db", "--yes"], { environment, config });
    expect(failed, failed.stderr).toMatchObject({ code: 1, stdout: "" });
    expectOneLine(failed);
    expect(failed.stderr).toMatch(says);
    await expectUntouched(local);
    expect(await readdir(folder)).not.toContain("ran");
  });

  test("that are not there are missed before anything is downloaded", async ({ shop, local, dataops }) => {
    const config = laptopConfig({ after: [{ sql: "no/such/file.sql" }] });
    const cache = join(await temporaryFolder("cache"), "archives");
    const environment = laptopEnvironment(shop.folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const ended = await dataops.run(["fetch-latest-db"], { environment, config });
    expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("no/such/file.sql");
    await expect(readdir(cache)).rejects.toThrow("ENOENT");
  });
});

describe("jobs that follow a restore", () => {
  function followedBy(...commands: string[][]): Record<string, unknown> {
    // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
    return laptopConfig({ then: commands.map((command) => ({ command })) });
  }

  test("find the restored database in its place; one that fails is a warning, and the next one runs", async ({
    shop,
    local,
    dataops,
  }) => {
    await local.create();
    const folder = await temporaryFolder("then");
    const seen = join(folder, "seen");
    const script = `psql --no-psqlrc -qAtc "SELECT current_database() || ' ' || (SELECT value FROM content LIMIT 1)" "$DATABASE_URL" >'${seen}'`;
    const config = followedBy(["sh", "-c", "echo no index today >&2; exit 7"], ["sh", "-c", script]);
    const environment = laptopEnvironment(shop.folder, local);
    const restored = await dataops.run(["fetch-latest-db", "--yes", "--json"], { environment, config });
    expect(restored, restored.stderr).toMatchObject({ code: 3 });
    expect(restored.json()).toMatchObject({
      failedJobs: [expect.stringMatching(/sh.*7.*no index today/)],
    });
    expect(await local.content()).toBe(PRODUCTION);
    expect(await readFile(seen, "utf8")).toBe(`${local.name} ${PRODUCTION}\n`);
  });

  test("that are not there are missed before anything is downloaded", async ({ shop, local, dataops }) => {
    const config = followedBy(["no-such-program-anywhere"]);
    const cache = join(await temporaryFolder("cache"), "archives");
    const environment = laptopEnvironment(shop.folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const ended = await dataops.run(["fetch-latest-db"], { environment, config });
    expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("no-such-program-anywhere");
    await expect(readdir(cache)).rejects.toThrow("ENOENT");
  });
});
