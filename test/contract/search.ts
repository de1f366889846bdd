import { describe, expect } from "vitest";
import type { SearchEngine, SearchErrorKind } from "../../src/search/search-engine.ts";
import { isSearchError } from "../../src/search/search-error.ts";
import { documents, ndjson, searchTest, TEST_MAPPINGS, TEST_SETTINGS } from "../support/search-test.ts";
import type { SearchEngineName } from "../support/search-servers.ts";

/** Holds a search engine to every sentence of the contract in `src/search/search-engine.ts`. */
export function describeSearch(name: SearchEngineName): void {
  const test = searchTest(name);

  describe(`${name}: itself`, () => {
    test("says what it is", async ({ engine, search }) => {
      const info = await engine.info();
      expect(info.distribution).toBe(name.split("-")[0]);
      expect(info.version).toContain(search.version);
    });

    test("an operation whose signal has fired does nothing", async ({ engine, alias }) => {
      const reason = new Error("enough");
      const signal = AbortSignal.abort(reason);
      await expect(engine.createIndex(alias, BODY, { signal })).rejects.toBe(reason);
      expect(await engine.findIndexes(alias)).toEqual([]);
    });
  });

  describe(`${name}: indexes`, () => {
    test("an index is created once, found, changed and deleted", async ({ engine, alias }) => {
      const before = Date.now();
      expect(await engine.findIndexes(`${alias}*`)).toEqual([]);
      await engine.createIndex(alias, { ...BODY, mappings: { ...TEST_MAPPINGS, _meta: { ours: { a: 1 } } } });
      await expect(engine.createIndex(alias, BODY)).rejects.toSatisfy(failureOf("already-exists"));
      const [found, ...others] = await engine.findIndexes(`${alias}*`);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ name: alias, aliases: [], documents: 0, meta: { ours: { a: 1 } } });
      expect(found?.uuid).not.toBe("");
      expect(found?.bytes).toBeGreaterThan(0);
      expect(Math.abs((found?.created ?? 0) - before)).toBeLessThan(60_000);

      await engine.changeMeta(alias, { theirs: true });
      expect(await engine.findIndexes(alias)).toMatchObject([{ meta: { theirs: true } }]);
      expect((await engine.findIndexes(alias))[0]?.meta).toEqual({ theirs: true });
      await engine.changeSettings(alias, { refresh_interval: "17s" });
      await engine.changeSettings(alias, { refresh_interval: null });
      expect(await engine.waitForCopies(alias, 10_000)).toBe(true);

      await engine.deleteIndex(alias);
      await engine.deleteIndex(alias);
      expect(await engine.findIndexes(alias)).toEqual([]);
    });

    test("a mapping or setting that it does not take is rejected, and nothing is made", async ({
      engine,
      alias,
    }) => {
      const wrong = { mappings: { properties: { a: { type: "no-such-type" } } }, settings: {} };
      await expect(engine.createIndex(alias, wrong)).rejects.toSatisfy(failureOf("rejected"));
      const setting = { mappings: {}, settings: { no_such_setting: 1 } };
      await expect(engine.createIndex(alias, setting)).rejects.toSatisfy(failureOf("rejected"));
      expect(await engine.findIndexes(alias)).toEqual([]);
    });

    test("an index that is not there is not found", async ({ engine, alias }) => {
      await expect(engine.refresh(alias)).rejects.toSatisfy(failureOf("not-found"));
      await expect(engine.count(alias)).rejects.toSatisfy(failureOf("not-found"));
      await expect(engine.changeMeta(alias, {})).rejects.toSatisfy(failureOf("not-found"));
      await expect(engine.changeSettings(alias, { refresh_interval: null })).rejects.toSatisfy(
        failureOf("not-found"),
      );
      expect(await engine.findIndexes(alias)).toEqual([]);
    });

    test("names that reach several indexes are no names", async ({ engine }) => {
      for (const name of ["*", "_all", "a,b", "test-*", "", "a/b", ".kibana"]) {
        await expect(engine.deleteIndex(name)).rejects.toThrow(TypeError);
      }
      for (const pattern of ["*", "_all", "a,b", "a*b", ""]) {
        await expect(engine.findIndexes(pattern)).rejects.toThrow(TypeError);
      }
    });

    test("an index is not deleted through its alias", async ({ engine, alias }) => {
      await engine.createIndex(`${alias}-1`, BODY);
      await engine.changeAliases([{ add: { index: `${alias}-1`, alias } }]);
      await expect(engine.deleteIndex(alias)).rejects.toSatisfy(failureOf("rejected"));
      expect(await engine.findIndexes(alias)).toMatchObject([{ name: `${alias}-1`, aliases: [alias] }]);
    });
  });

  describe(`${name}: aliases`, () => {
    test("an alias moves in one step", async ({ engine, alias }) => {
      const [first, second] = await createIndexes(engine, alias, 2);
      await engine.changeAliases([{ add: { index: first, alias } }]);
      expect(await engine.findIndexes(alias)).toMatchObject([{ name: first, aliases: [alias] }]);
      await engine.changeAliases([{ remove: { index: first, alias } }, { add: { index: second, alias } }]);
      expect(await engine.findIndexes(alias)).toMatchObject([{ name: second, aliases: [alias] }]);
    });

    test("of a change that cannot be made whole nothing is made", async ({ engine, alias }) => {
      const [first, second] = await createIndexes(engine, alias, 2);
      await engine.changeAliases([{ add: { index: first, alias } }]);
      const change = engine.changeAliases([
        { remove: { index: first, alias } },
        { add: { index: second, alias } },
        { add: { index: `${alias}-gone`, alias } },
      ]);
      await expect(change).rejects.toSatisfy(failureOf("not-found"));
      expect(await engine.findIndexes(alias)).toMatchObject([{ name: first }]);
    });

    test("an alias takes the place of an index of its name", async ({ engine, alias }) => {
      const [index] = await createIndexes(engine, alias, 1);
      await engine.createIndex(alias, BODY);
      await expect(engine.changeAliases([{ add: { index, alias } }])).rejects.toSatisfy(
        failureOf("rejected"),
      );
      await engine.changeAliases([{ removeIndex: { index: alias } }, { add: { index, alias } }]);
      expect(await engine.findIndexes(alias)).toMatchObject([{ name: index, aliases: [alias] }]);
    });
  });

  describe(`${name}: documents`, () => {
    test("each item's fate is told", async ({ engine, alias }) => {
      await engine.createIndex(alias, BODY);
      const first = await engine.bulk(alias, documents(0, 3, 20, 7));
      expect(first).toEqual({ accepted: 3, conflicts: 0, overloaded: [], refused: [] });
      const versioned = (_id: string, version: number): object => ({
        _id,
        version,
        version_type: "external",
      });
      const answer = await engine.bulk(
        alias,
        ndjson(
          { index: versioned("id-0", 6) },
          { name: "older" },
          { index: versioned("id-1", 7) },
          { name: "same" },
          { index: versioned("id-2", 8) },
          { name: "newer" },
          { delete: versioned("never-there", 1) },
          { delete: versioned("id-1", 3) },
          { index: versioned('with "quotes" and ünïcode', 1) },
          { name: "wrong", price: "s3cret value" },
          { index: versioned("id-9", 1) },
          { name: "wrong", unknown: 1 },
          { delete: versioned("id-1", 9) },
        ),
      );
      expect(answer).toMatchObject({ accepted: 3, conflicts: 3, overloaded: [] });
      expect(answer.refused).toMatchObject([
        { place: 5, id: 'with "quotes" and ünïcode', status: 400 },
        { place: 6, id: "id-9", status: 400 },
      ]);
      expect(answer.refused[0]?.reason).toMatch(/price.*long/);
      expect(answer.refused[1]?.reason).toContain("strict_dynamic_mapping_exception");
      expect(JSON.stringify(answer)).not.toContain("s3cret");

      await engine.refresh(alias);
      expect(await engine.count(alias)).toBe(2);
      // A deleted document's version is remembered: what is older does not bring it back.
      const late = await engine.bulk(alias, ndjson({ index: versioned("id-1", 8) }, { name: "late" }));
      expect(late).toMatchObject({ accepted: 0, conflicts: 1 });
    });

    test("documents are read by id, before any refresh", async ({ engine, alias }) => {
      await engine.createIndex(alias, { ...BODY, settings: { ...TEST_SETTINGS, refresh_interval: "-1" } });
      await engine.bulk(alias, documents(0, 2, 3, 5));
      expect(await engine.readDocuments(alias, [])).toEqual([]);
      expect(await engine.readDocuments(alias, ["id-1", "none", "id-0"])).toEqual([
        { id: "id-1", source: { name: "document 1", text: "xxx" }, version: 5 },
        { id: "none", source: undefined, version: undefined },
        { id: "id-0", source: { name: "document 0", text: "xxx" }, version: 5 },
      ]);
      expect(await engine.count(alias)).toBe(0);
    });

    test("nothing is written to an index that is blocked", async ({ engine, alias }) => {
      await engine.createIndex(alias, BODY);
      await engine.changeSettings(alias, { "blocks.read_only_allow_delete": true });
      const failure: unknown = await engine.bulk(alias, documents(0, 2)).catch((error: unknown) => error);
      expect(failure).toSatisfy(failureOf("blocked"));
      expect(failure).toMatchObject({ exitCode: 18, hint: expect.stringContaining("disk") });
      await engine.changeSettings(alias, { "blocks.read_only_allow_delete": null });
      await engine.changeSettings(alias, { "blocks.write": true });
      const write: unknown = await engine.bulk(alias, documents(0, 2)).catch((error: unknown) => error);
      expect(write).toSatisfy(failureOf("blocked"));
      expect(write).toMatchObject({ hint: expect.not.stringContaining("disk") });
      await engine.changeSettings(alias, { "blocks.write": null });
    });
  });
}

const BODY = { mappings: TEST_MAPPINGS, settings: TEST_SETTINGS };

function failureOf(kind: SearchErrorKind): (error: unknown) => boolean {
  return (error) => isSearchError(error, kind);
}

async function createIndexes(engine: SearchEngine, alias: string, count: 1): Promise<[string]>;
async function createIndexes(engine: SearchEngine, alias: string, count: 2): Promise<[string, string]>;
async function createIndexes(engine: SearchEngine, alias: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, place) => `${alias}-${place + 1}`);
  for (const name of names) await engine.createIndex(name, BODY);
  return names;
}
