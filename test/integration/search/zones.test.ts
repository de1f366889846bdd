import { expect } from "vitest";
import { finishIndex, startIndex } from "../../../src/search/build-index.ts";
import { digestOf } from "../../../src/search/index-definition.ts";
import { askEngine, searchTest, TEST_MAPPINGS, uniqueRun } from "../../support/search-test.ts";

const ZONES = "cluster.routing.allocation.awareness";
const test = searchTest("opensearch-2", {
  "node.attr.zone": "a",
  [`${ZONES}.attributes`]: "zone",
  [`${ZONES}.force.zone.values`]: "a,b,c",
  [`${ZONES}.balance`]: "true",
});

test("where each zone must have a copy, an index is loaded with its copies", async ({
  engine,
  alias,
  search,
}) => {
  const settings = { number_of_shards: 1, number_of_replicas: 2, refresh_interval: "7s" };
  const definition = { mappings: TEST_MAPPINGS, settings, digest: digestOf(1) };
  const index = await startIndex(engine, { alias, run: uniqueRun(), definition });
  const settingsNow = async (): Promise<string> =>
    JSON.stringify((await askEngine(search.url, "GET", `/${index}/_settings`)).body);
  expect(await settingsNow()).toMatch(/"refresh_interval":"-1".*"number_of_replicas":"2"/);
  await finishIndex(engine, index);
  expect(await settingsNow()).toMatch(/"refresh_interval":"7s".*"number_of_replicas":"2"/);

  const alone = { ...definition, settings: { number_of_replicas: 0 } };
  const start = startIndex(engine, { alias, run: uniqueRun(), definition: alone });
  await expect(start).rejects.toMatchObject({
    kind: "rejected",
    message: expect.stringContaining("awareness"),
  });
});
