import { describe, expect, onTestFinished } from "vitest";
import { serve } from "../../../src/http/serve.ts";
import { problemLog } from "../../../src/http/problem-log.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { loadText } from "../../support/config-file.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { test } from "../../support/postgres-test.ts";
import { NOW } from "../../support/status-facts.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** More than what was found is good for. */
const LATER = 60_000;

describe("what a configuration says is served", () => {
  test("and the heart beats while its databases can be reached", async ({ database }) => {
    const folder = await temporaryFolder("serve");
    const config = await loadText(
      `
storage: file://${folder}
databases:
  production: { url: "\${URL}", environment: production }
  local: { url: "\${NOT_HERE}", environment: development }
`,
      { URL: urlFor(database.server, database.name), PORT: "0" },
    );
    let now = NOW;
    const warned: string[] = [];
    const reporter = { ...silentReporter, warn: (message: string) => void warned.push(message) };
    const server = await serve(config, { reporter, now: () => now });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}${path}`);

    const beats = await get("/__heartbeat__");
    expect([beats.status, await beats.json()]).toEqual([
      200,
      { status: "ok", checks: { storage: "ok", "database production": "ok" } },
    ]);
    expect(await (await get("/")).text()).toContain("there is no backup");
    expect((await get("/freshness")).status).toBe(503);
    expect((await get("/__version__")).status).toBe(200);

    await database.drop();
    for (let time = 0; time < 3; time += 1) {
      now += LATER;
      const fails = await get("/__heartbeat__");
      expect([fails.status, await fails.json()]).toEqual([
        503,
        { status: "error", checks: { storage: "ok", "database production": "error" } },
      ]);
    }
    expect(warned).toEqual([
      expect.stringMatching(/^database production cannot be reached: .*does not exist/),
    ]);

    await server[Symbol.asyncDispose]();
    await expect(get("/__lbheartbeat__")).rejects.toThrow("fetch failed");
  });

  test("to nobody where others come and nothing is asked of them", async () => {
    const config = await loadText("storage: file:///nowhere\nhttp: { host: 0.0.0.0, port: 0 }");
    const options = { reporter: silentReporter, now: () => NOW };
    await expect(serve(config, options)).rejects.toMatchObject({ exit: "usage" });
  });
});

describe("a problem that lasts", () => {
  test("is told once, another one at once, and again after five minutes", () => {
    let now = NOW;
    const warned: string[] = [];
    const log = problemLog({ warn: (message) => void warned.push(message) }, () => now);
    const steps: readonly [number, string, string][] = [
      [0, "storage", "refused"],
      [1_000, "storage", "refused"],
      [2_000, "database a", "refused"],
      [3_000, "storage", "denied"],
      [302_000, "storage", "denied"],
      [303_000, "storage", "denied"],
    ];
    for (const [after, name, message] of steps) {
      now = NOW + after;
      log(name, new Error(message));
    }
    expect(warned).toEqual([
      "storage cannot be reached: refused",
      "database a cannot be reached: refused",
      "storage cannot be reached: denied",
      "storage cannot be reached: denied",
    ]);
  });
});
