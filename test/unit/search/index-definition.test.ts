import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readIndexDefinition, type IndexDefinition } from "../../../src/search/index-definition.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function read(mapping: string, settings?: string): Promise<IndexDefinition> {
  const folder = await temporaryFolder("definition");
  const files = { mapping: join(folder, "mapping.json"), settings: join(folder, "settings.json") };
  await writeFile(files.mapping, mapping);
  if (settings === undefined) return readIndexDefinition({ mapping: files.mapping });
  await writeFile(files.settings, settings);
  return readIndexDefinition(files);
}

const PROPERTIES = { properties: { name: { type: "keyword" } } };

test.for([
  ["a mapping alone", JSON.stringify(PROPERTIES), undefined, {}],
  [
    "as an index is created",
    JSON.stringify({ mappings: PROPERTIES, settings: { number_of_shards: 3 } }),
    undefined,
    { number_of_shards: 3 },
  ],
  [
    "settings of their own file",
    JSON.stringify(PROPERTIES),
    '{"index":{"refresh_interval":"5s"},"analysis":{"filter":{}}}',
    { refresh_interval: "5s", analysis: { filter: {} } },
  ],
  [
    "settings in a wrapper",
    JSON.stringify(PROPERTIES),
    '{"settings":{"index.number_of_replicas":2}}',
    { number_of_replicas: 2 },
  ],
  ["of both the file", JSON.stringify({ mappings: PROPERTIES, settings: { number_of_shards: 3 } }), "{}", {}],
] as const)("%s", async ([, mapping, settings, expected]) => {
  const definition = await read(mapping, settings);
  expect(definition).toMatchObject({ mappings: PROPERTIES, settings: expected });
  expect(definition.settings).toEqual(expected);
});

test("the digest is of what the files say, not of how they say it", async () => {
  const first = await read(
    '{"properties":{"a":{"type":"long"},"b":{"type":"text"}}}',
    '{"index":{"number_of_shards":1}}',
  );
  const same = await read(
    '{ "properties": {"b":{"type":"text"},\n"a":{"type":"long"}} }',
    '{"index.number_of_shards":1}',
  );
  const other = await read(
    '{"properties":{"a":{"type":"text"},"b":{"type":"text"}}}',
    '{"number_of_shards":1}',
  );
  expect(same.digest).toBe(first.digest);
  expect(other.digest).not.toBe(first.digest);
});

test.for([
  ["no JSON", "{", /cannot read/],
  ["a list", "[]", /is not a JSON object/],
  ["an alias in it", '{"mappings":{},"aliases":{"products":{}}}', /"aliases" beside mappings and settings/],
  ["mappings that are none", '{"mappings":7}', /mappings is not an object/],
  ["no UTF-8", "\u00ff", /cannot read|not a JSON object/],
] as const)("%s is refused", async ([, mapping, message]) => {
  await expect(read(mapping)).rejects.toMatchObject({
    exit: "usage",
    message: expect.stringMatching(message),
  });
});

test("a file that is not there is named", async () => {
  await expect(readIndexDefinition({ mapping: "/nonexistent/products.json" })).rejects.toThrow(
    /products\.json/,
  );
});
