import { expect } from "vitest";
import { readAlias } from "../../../src/search/alias-state.ts";
import { finishIndex, startIndex } from "../../../src/search/build-index.ts";
import { digestOf } from "../../../src/search/index-definition.ts";
import { openSearchEngine } from "../../../src/search/open.ts";
import { removeOldIndexes } from "../../../src/search/remove-indexes.ts";
import { retrying } from "../../../src/search/retrying.ts";
import { rollbackAlias, swapAlias } from "../../../src/search/swap-alias.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import type { SearchFault } from "../../support/search-proxy.ts";
import { searchTest, TEST_MAPPINGS, TEST_SETTINGS, uniqueRun } from "../../support/search-test.ts";
import { QUICKLY } from "./bulk-faults.ts";
import { knownValue } from "../../support/known-value.ts";

const test = searchTest("opensearch-2");
const DEFINITION = { mappings: TEST_MAPPINGS, settings: TEST_SETTINGS, digest: digestOf(1) };
const LOST: SearchFault = { kind: "reset-answer", afterBytes: 1 };
const POLICY = { backoff: QUICKLY.backoff, attempts: 4 };

/** What was done though its answer was lost must neither fail nor be done twice. */
test.for<[string, SearchFault]>([
  ["each answer is lost once", LOST],
  ["each request is answered 503 once", { kind: "answer", status: 503, body: "" }],
  ["each request is refused for too much work once", { kind: "answer", status: 429, body: "" }],
])("an index lives its whole life where %s", async ([, fault], { faulty, alias }) => {
  const seen = new Set<string>();
  const { engine } = await faulty(({ method, path, query, body }) => {
    const request = `${method} ${path}?${query.toString()} ${body.toString()}`;
    if (seen.has(request)) return undefined;
    seen.add(request);
    return fault;
  });
  const patient = retrying(engine, POLICY);
  const build = async (): Promise<string> => {
    const index = await startIndex(patient, { alias, run: uniqueRun(), definition: DEFINITION });
    await finishIndex(patient, index);
    return index;
  };
  await patient.createIndex(alias, { mappings: {}, settings: {} });
  const first = await build();
  await swapAlias(patient, alias, first, { adopt: true });
  const second = await build();
  expect(await swapAlias(patient, alias, second)).toEqual([first]);
  expect(await rollbackAlias(patient, alias)).toEqual({ from: [second], to: [first] });
  expect(await swapAlias(patient, alias, second)).toEqual([first]);
  expect(await removeOldIndexes(patient, alias, 0)).toEqual([first]);
  expect(await readAlias(patient, alias)).toMatchObject({
    kind: "alias",
    current: [{ name: second }],
    kept: [],
  });
});

test("a change that was never made is not taken for one that was", async ({ faulty, engine, alias }) => {
  const first = await startIndex(engine, { alias, run: uniqueRun(), definition: DEFINITION });
  const { engine: behind } = await faulty(({ path, count }) =>
    path === "/_aliases" && count === 1 ? { kind: "reset" } : undefined,
  );
  const gone = `${alias}-gone`;
  const change = retrying(behind, POLICY).changeAliases([
    { add: { index: first, alias } },
    { add: { index: gone, alias } },
  ]);
  await expect(change).rejects.toMatchObject({ kind: "not-found" });
});

test("an engine that does not come back is given up after its tries, each of them told", async ({
  faulty,
}) => {
  const { engine, proxy } = await faulty(() => ({ kind: "reset" }));
  const told: string[] = [];
  const reporter = { ...silentReporter, info: (message: string) => void told.push(message) };
  const patient = retrying(engine, { ...POLICY, reporter });
  await expect(patient.info()).rejects.toMatchObject({ exitCode: 16, kind: "unreachable" });
  expect(proxy.requests).toHaveLength(POLICY.attempts);
  expect(told).toHaveLength(POLICY.attempts - 1);
  expect(told[0]).toMatch(/^trying again in [\d.]+ s: cannot reach http/);
});

test("what is no search engine is not taken for one", async ({ faulty }) => {
  for (const [status, body] of [
    [200, "<html>welcome</html>"],
    [200, { hello: 1 }],
    [404, "nothing here"],
  ] as const) {
    const { engine } = await faulty(() => ({ kind: "answer", status, body }));
    await expect(engine.info()).rejects.toMatchObject({ exitCode: 13, kind: "unsupported" });
  }
  const old = { version: { number: "6.8.23" } };
  const { engine } = await faulty(() => ({ kind: "answer", status: 200, body: old }));
  await expect(engine.info()).rejects.toMatchObject({
    kind: "unsupported",
    message: expect.stringContaining("6.8.23"),
  });
});

test("a configured engine is opened", async ({ search, alias }) => {
  const connection = {
    url: search.url,
    authentication: { kind: "none" },
    certificateFile: undefined,
  } as const;
  const engine = await openSearchEngine({ name: "main", connection: knownValue(connection) });
  expect(await engine.info()).toMatchObject({ distribution: "opensearch" });
  expect(await engine.findIndexes(alias)).toEqual([]);
  await engine.close();
  const missing = { ...connection, certificateFile: "/nonexistent.pem" };
  await expect(openSearchEngine({ name: "main", connection: knownValue(missing) })).rejects.toMatchObject({
    exitCode: 2,
  });
});
