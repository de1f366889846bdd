import { describe, expect } from "vitest";
import {
  BEFORE,
  expectUntouched,
  laptopConfig,
  laptopEnvironment,
  PRODUCTION,
  test,
  traces,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";

const FETCH = ["fetch-latest-db", "--yes"];

describe("sessions on the target", () => {
  test("are named, and stay unless --force is given", async ({ shop, local, dataops }) => {
    await local.create();
    const session = await local.join("the team's console");
    const [{ pid } = { pid: 0 }] = await session.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    const config = laptopConfig({ waitForSessions: "1s" });
    const environment = laptopEnvironment(shop.folder, local);
    const refused = await dataops.run(FETCH, { environment, config });
    expect(refused, refused.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toMatch(
      new RegExp(
        `^error: .*process ${pid} of test superuser in ${local.name} \\(the team's console, idle\\)$`,
        "m",
      ),
    );
    expect(refused.stderr).toMatch(/^hint: .*--force/m);
    expect(await session.query("SELECT value FROM content")).toEqual([{ value: BEFORE }]);
    await expectUntouched(local);

    const forced = await dataops.run([...FETCH, "--force"], { environment, config });
    expect(forced, forced.stderr).toMatchObject({ code: 0 });
    expect(forced.stderr).toMatch(new RegExp(`ending 1 session: process ${pid} `));
    expect(await local.content()).toBe(PRODUCTION);
    await expect(session.query("SELECT 1")).rejects.toThrow(/connection/i);
    expect(await traces(local.server)).toEqual([]);
  });

  test("are waited for", async ({ shop, local, dataops }) => {
    await local.create();
    const session = await local.join("the team's console");
    const config = laptopConfig({ waitForSessions: "1h" });
    const fetch = await dataops.start(FETCH, { environment: laptopEnvironment(shop.folder, local), config });
    await fetch.until("it waits", () => isWaiting(local));
    expect(await session.query("SELECT value FROM content")).toEqual([{ value: BEFORE }]);
    await session[Symbol.asyncDispose]();
    const ended = await fetch.exited;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stderr).toMatch(/waiting for 1 session: process \d+ .*the team's console/);
    expect(await local.content()).toBe(PRODUCTION);
  });

  test("are waited for until SIGTERM comes", async ({ shop, local, dataops }) => {
    await local.create();
    const session = await local.join("the team's console");
    const config = laptopConfig({ waitForSessions: "1h" });
    const fetch = await dataops.start(FETCH, { environment: laptopEnvironment(shop.folder, local), config });
    await fetch.until("it waits", () => isWaiting(local));
    fetch.kill("SIGTERM");
    const ended = await fetch.exited;
    expect(ended, ended.stderr).toMatchObject({ code: 143, signal: null, stdout: "" });
    expect(await session.query("SELECT value FROM content")).toEqual([{ value: BEFORE }]);
    await expectUntouched(local);
  });
});

/** Whether a run looks, again and again, at who is connected: it then has nothing else to do. */
async function isWaiting(local: LocalDatabase): Promise<boolean> {
  const rows = await local.query(
    `SELECT FROM pg_stat_activity
      WHERE application_name LIKE 'dataops:%' AND state = 'idle' AND query LIKE '%pg_stat_activity%ORDER BY%'`,
    "postgres",
  );
  return rows.length > 0;
}
