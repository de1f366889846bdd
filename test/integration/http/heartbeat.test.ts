import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { heartbeatRoutes, type HeartbeatCheck } from "../../../src/http/heartbeat.ts";
import { startServer } from "../../../src/http/server.ts";
import { versionDocument } from "../../../src/http/version-document.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { version } from "../../../src/version.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const CREDENTIALS = { token: new Secret("s3ntinel-token-0123"), basic: undefined };

interface Heartbeat {
  get: (path: string) => Promise<{ status: number; body: unknown }>;
  problems: [string, unknown][];
}

async function serve(checks: readonly HeartbeatCheck[], keep = 0): Promise<Heartbeat> {
  const problems: Heartbeat["problems"] = [];
  const routes = heartbeatRoutes({
    checks,
    version: { version: "1.2.3" },
    now: () => Date.now(),
    onProblem: (name, error) => void problems.push([name, error]),
    patience: 100,
    keep,
  });
  const server = await startServer(routes, {
    host: "127.0.0.1",
    port: 0,
    credentials: CREDENTIALS,
    reporter: silentReporter,
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return {
    problems,
    get: async (path) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return { status: response.status, body: await response.json() };
    },
  };
}

const well: HeartbeatCheck["check"] = () => Promise.resolve();
const hangs: HeartbeatCheck["check"] = () => new Promise(() => undefined);
const fails: HeartbeatCheck["check"] = () => Promise.reject(new Error("https://user:s3ntinel@host refused"));

describe("/__heartbeat__", () => {
  test("is open, and says that all can be reached", async () => {
    const { get } = await serve([
      { name: "storage", check: well },
      { name: "database production", check: well },
    ]);
    expect(await get("/__heartbeat__")).toEqual({
      status: 200,
      body: { status: "ok", checks: { storage: "ok", "database production": "ok" } },
    });
  });

  test("says which cannot, and tells why to the log alone", async () => {
    const { get, problems } = await serve([
      { name: "storage", check: well },
      { name: "database production", check: fails },
      { name: "search main", check: hangs },
    ]);
    const told = await get("/__heartbeat__");
    expect(told).toEqual({
      status: 503,
      body: {
        status: "error",
        checks: { storage: "ok", "database production": "error", "search main": "error" },
      },
    });
    expect(JSON.stringify(told)).not.toContain("s3ntinel");
    expect(problems.map(([name, error]) => `${name}: ${String(error)}`)).toEqual([
      "database production: Error: https://user:s3ntinel@host refused",
      "search main: Error: it took longer than 0.1 s",
    ]);
  });

  test("ends a check's signal when its time is over", async () => {
    let given: AbortSignal | undefined;
    const { get } = await serve([
      {
        name: "storage",
        check: (signal) => {
          given = signal;
          return new Promise(() => undefined);
        },
      },
    ]);
    await get("/__heartbeat__");
    expect(given?.aborted).toBe(true);
  });

  test("asks once, however many ask it", async () => {
    let asked = 0;
    const { get } = await serve([{ name: "storage", check: async () => void (asked += 1) }], 60_000);
    const told = await Promise.all(Array.from({ length: 1_000 }, () => get("/__heartbeat__")));
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([200]));
    expect(asked).toBe(1);
  });
});

test("/__lbheartbeat__ is well whatever else is not", async () => {
  const { get } = await serve([{ name: "storage", check: hangs }]);
  expect(await get("/__lbheartbeat__")).toEqual({ status: 200, body: { status: "ok" } });
});

test("/__version__ is open, too", async () => {
  const { get } = await serve([]);
  expect(await get("/__version__")).toEqual({ status: 200, body: { version: "1.2.3" } });
});

describe("the version", () => {
  async function documentFrom(text: string): Promise<object> {
    const path = join(await temporaryFolder("version"), "version.json");
    await writeFile(path, text);
    return versionDocument(pathToFileURL(path));
  }

  test("is what the image's build wrote, and nothing else of it", async () => {
    const whole = { version: "1.2.3", commit: "abc", source: "https://x/y", build: "7" };
    expect(await documentFrom(JSON.stringify({ ...whole, other: "s3ntinel" }))).toEqual(whole);
  });

  test.for(["", "{", "[]", '{"version":7}', `{"version":"${"x".repeat(501)}"}`])(
    "is the package's where that says nothing: %s",
    async (text) => {
      expect(await documentFrom(text)).toEqual({ version, commit: "", source: "", build: "" });
    },
  );

  test("is the package's in a checkout", () => {
    expect(versionDocument()).toEqual({ version, commit: "", source: "", build: "" });
  });
});
