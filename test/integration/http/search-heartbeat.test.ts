import type { SearchConnection } from "../../../src/config/config.ts";
import { knownValue } from "../../support/known-value.ts";
import { expect, onTestFinished } from "vitest";
import { searchCheck } from "../../../src/http/reachability.ts";
import { serve } from "../../../src/http/serve.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { loadText } from "../../support/config-file.ts";
import { startSearchProxy, type SearchFault } from "../../support/search-proxy.ts";
import { searchTest } from "../../support/search-test.ts";
import { NOW } from "../../support/status-facts.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const test = searchTest("opensearch-2");

/** More than what was found is good for. */
const LATER = 60_000;

test("the heart beats while each search engine answers, and says which does not", async ({ search }) => {
  let fault: SearchFault | undefined;
  await using proxy = await startSearchProxy(search.url, () => fault);
  const config = await loadText(
    `
storage: file://${await temporaryFolder("search-heartbeat")}
search:
  main: { url: "\${MAIN}", username: app, password: "\${PASSWORD}" }
  other: { url: "\${NOT_HERE}" }
`,
    { MAIN: proxy.url, PASSWORD: "s3ntinel", PORT: "0" },
  );
  let now = NOW;
  const warned: string[] = [];
  const reporter = { ...silentReporter, warn: (message: string) => void warned.push(message) };
  await using server = await serve(config, { reporter, now: () => now });
  const beat = async (): Promise<{ status: number; text: string }> => {
    now += LATER;
    const response = await fetch(`http://127.0.0.1:${server.port}/__heartbeat__`);
    return { status: response.status, text: await response.text() };
  };

  const faults: readonly (readonly [SearchFault | undefined, "ok" | "error"])[] = [
    [undefined, "ok"],
    [{ kind: "reset" }, "error"],
    [{ kind: "answer", status: 401, body: { error: "s3ntinel is wrong" } }, "error"],
    [{ kind: "answer", status: 200, body: "<html>it works</html>" }, "error"],
    [undefined, "ok"],
  ];
  for (const [given, state] of faults) {
    fault = given;
    const before = proxy.requests.length;
    const { status, text } = await beat();
    expect([status, JSON.parse(text)]).toEqual([
      503,
      { status: "error", checks: { storage: "ok", "search main": state, "search other": "error" } },
    ]);
    expect(text).not.toContain("s3ntinel");
    // Asked anew, and once more at most.
    expect(proxy.requests.length - before).toBeLessThanOrEqual(2);
    expect(proxy.requests.length - before).toBeGreaterThan(0);
  }
  expect(warned).toHaveLength(4);
  expect(warned[0]).toMatch(/^search other cannot be reached: .*NOT_HERE/);
  expect(warned.filter((line) => line.startsWith("search main cannot be reached: "))).toHaveLength(3);
  expect(warned.join("\n")).not.toContain("s3ntinel");
});

test("a check ends with its signal, and can be made again", async ({ search }) => {
  let fault: SearchFault | undefined = { kind: "stall" };
  await using proxy = await startSearchProxy(search.url, () => fault);
  const connection = knownValue<SearchConnection>({
    url: proxy.url,
    authentication: { kind: "none" },
    certificateFile: undefined,
  });
  const check = searchCheck({ name: "main", connection });
  onTestFinished(() => check[Symbol.asyncDispose]());
  const late = AbortSignal.timeout(100);
  await expect(check.check(late)).rejects.toMatchObject({ name: "TimeoutError" });
  fault = undefined;
  await check.check(AbortSignal.timeout(30_000));
});

test("a serverless collection, which nobody can ask what it is, is asked for an index", async ({
  search,
  alias,
}) => {
  await using proxy = await startSearchProxy(search.url, () => undefined);
  const connection = knownValue<SearchConnection>({
    url: proxy.url,
    authentication: { kind: "sigv4", region: "us-east-1", service: "aoss" },
    certificateFile: undefined,
  });
  await using check = searchCheck({ name: "main", connection }, alias);
  const keys = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  Object.assign(process.env, keys);
  onTestFinished(() => {
    for (const name of Object.keys(keys)) Reflect.deleteProperty(process.env, name);
  });
  await check.check(AbortSignal.timeout(30_000));
  expect(proxy.requests.map(({ path }) => path)).toEqual([`/${alias}`]);
});
