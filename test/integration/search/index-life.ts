import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { readAlias } from "../../../src/search/alias-state.ts";
import { finishIndex, startIndex, whyNotResume } from "../../../src/search/build-index.ts";
import { digestOf, type IndexDefinition } from "../../../src/search/index-definition.ts";
import { indexNameOf } from "../../../src/search/index-name.ts";
import { removeOldIndexes, removeUnfinishedIndexes } from "../../../src/search/remove-indexes.ts";
import type { SearchEngine } from "../../../src/search/search-engine.ts";
import { requireSwappable, rollbackAlias, swapAlias } from "../../../src/search/swap-alias.ts";
import { askEngine, documents, searchTest, TEST_MAPPINGS, uniqueRun } from "../../support/search-test.ts";
import type { SearchEngineName } from "../../support/search-servers.ts";

const SETTINGS = { number_of_shards: 1, number_of_replicas: 1, refresh_interval: "7s" } as const;
const DEFINITION: IndexDefinition = {
  mappings: { ...TEST_MAPPINGS, _meta: { owner: "the shop" } },
  settings: SETTINGS,
  digest: digestOf([TEST_MAPPINGS, SETTINGS]),
};

/** The life of an index, from its start to its end, on one engine. */
export function describeIndexLife(name: SearchEngineName): void {
  const test = searchTest(name);

  describe(`${name}: building`, () => {
    test("an index is loaded without refreshes and copies, and has its settings after", async ({
      engine,
      alias,
      search,
    }) => {
      const run = uniqueRun();
      const index = await startIndex(engine, { alias, run, definition: DEFINITION });
      expect(index).toBe(indexNameOf(alias, run));
      expect(await settingsOf(search.url, index)).toMatchObject({
        refresh_interval: "-1",
        number_of_replicas: "0",
      });
      await engine.bulk(index, documents(0, 10));
      expect(await finishIndex(engine, index)).toBe(true);
      expect(await settingsOf(search.url, index)).toMatchObject({
        refresh_interval: "7s",
        number_of_replicas: "1",
      });
      expect(await engine.count(index)).toBe(10);
      const [found] = await engine.findIndexes(index);
      expect(found?.meta).toMatchObject({
        owner: "the shop",
        dataops: { alias, run, digest: DEFINITION.digest },
      });
    });

    test("settings that the team leaves to the engine are the engine's after", async ({
      engine,
      alias,
      search,
    }) => {
      const definition = { ...DEFINITION, settings: { number_of_shards: 1 } };
      const index = await startIndex(engine, { alias, run: uniqueRun(), definition });
      await finishIndex(engine, index);
      const settings = await settingsOf(search.url, index);
      expect(settings).toMatchObject({ number_of_replicas: "1" });
      expect(settings).not.toHaveProperty("refresh_interval");
    });

    test("a half-built index is gone on with, another is not", async ({ engine, alias }) => {
      const build = { alias, run: uniqueRun(), digest: DEFINITION.digest };
      expect(await whyNotResume(engine, build)).toMatch(/is gone$/);
      const index = await startIndex(engine, { ...build, definition: DEFINITION });
      expect(await whyNotResume(engine, build)).toBeUndefined();
      expect(await whyNotResume(engine, { ...build, digest: digestOf(1) })).toMatch(/another mapping/);
      await finishIndex(engine, index);
      expect(await whyNotResume(engine, build)).toMatch(/finished already/);
    });

    test("an index that was deleted under us, and made again by a write, is found out", async ({
      engine,
      alias,
    }) => {
      const index = await startIndex(engine, { alias, run: uniqueRun(), definition: DEFINITION });
      await engine.deleteIndex(index);
      await expect(finishIndex(engine, index)).rejects.toMatchObject({ exitCode: 18, kind: "not-found" });
      await engine.bulk(index, documents(0, 1));
      await expect(finishIndex(engine, index)).rejects.toMatchObject({ exit: "reindexFailed" });
      await expect(swapAlias(engine, alias, index)).rejects.toMatchObject({ exit: "reindexFailed" });
    });
  });

  describe(`${name}: the alias`, () => {
    test("moves, is rolled back step by step, and old indexes go", async ({ engine, alias }) => {
      const indexes: string[] = [];
      for (let generation = 1; generation <= 4; generation += 1) {
        const index = await build(engine, alias);
        expect(await swapAlias(engine, alias, index)).toEqual(indexes.slice(-1));
        indexes.push(index);
      }
      const [first = "", second = "", third = "", fourth = ""] = indexes;
      expect(await stateOf(engine, alias)).toEqual({
        kind: "alias",
        current: [fourth],
        kept: [third, second, first],
        unfinished: [],
      });
      expect(await removeOldIndexes(engine, alias, 2)).toEqual([first]);
      expect(await rollbackAlias(engine, alias)).toEqual({ from: [fourth], to: [third] });
      // The one that was rolled back from is newer: it is not old.
      expect(await removeOldIndexes(engine, alias, 1)).toEqual([]);
      expect(await rollbackAlias(engine, alias)).toEqual({ from: [third], to: [second] });
      await expect(rollbackAlias(engine, alias)).rejects.toMatchObject({ exitCode: 13 });
      await expect(rollbackAlias(engine, alias, { to: first })).rejects.toMatchObject({ exitCode: 13 });
      expect(await rollbackAlias(engine, alias, { to: fourth })).toEqual({ from: [second], to: [fourth] });
      expect(await stateOf(engine, alias)).toMatchObject({ current: [fourth], kept: [third, second] });
    });

    test("goes back to an index of another's making, which is never deleted", async ({ engine, alias }) => {
      const theirs = `${alias}-20200101t000000z-theirs`;
      await engine.createIndex(theirs, { mappings: {}, settings: {} });
      await engine.changeAliases([{ add: { index: theirs, alias } }]);
      const index = await build(engine, alias);
      expect(await swapAlias(engine, alias, index)).toEqual([theirs]);
      expect(await removeOldIndexes(engine, alias, 0)).toEqual([]);
      expect(await rollbackAlias(engine, alias)).toEqual({ from: [index], to: [theirs] });
    });

    test("is not given to an index that was never finished", async ({ engine, alias }) => {
      const index = await startIndex(engine, { alias, run: uniqueRun(), definition: DEFINITION });
      await expect(swapAlias(engine, alias, index)).rejects.toMatchObject({ exitCode: 18 });
      expect(await stateOf(engine, alias)).toMatchObject({ kind: "free", unfinished: [index] });
    });

    test("searches see one index or the other, at every moment of a swap", async ({
      engine,
      alias,
      search,
    }) => {
      await swapAlias(engine, alias, await build(engine, alias, 5));
      const ended = new AbortController();
      const counts = readAgainAndAgain(search.url, alias, ended.signal);
      for (let round = 0; round < 5; round += 1)
        await swapAlias(engine, alias, await build(engine, alias, 5));
      ended.abort();
      const seen = await counts;
      expect(seen.length).toBeGreaterThan(10);
      expect(new Set(seen)).toEqual(new Set([5]));
    });
  });

  describe(`${name}: an index of the alias's name`, () => {
    test("is told of before any work, and adopted without a gap", async ({ engine, alias, search }) => {
      await engine.createIndex(alias, { mappings: TEST_MAPPINGS, settings: {} });
      await engine.bulk(alias, documents(0, 5));
      await engine.refresh(alias);
      const state = await readAlias(engine, alias);
      expect(() => requireSwappable(state, { adopt: false })).toThrow(`${alias} is an index, not an alias`);
      expect(() => requireSwappable(state, { adopt: true })).not.toThrow();

      const index = await build(engine, alias, 5);
      await expect(swapAlias(engine, alias, index)).rejects.toMatchObject({ exitCode: 13 });
      const ended = new AbortController();
      const counts = readAgainAndAgain(search.url, alias, ended.signal);
      expect(await swapAlias(engine, alias, index, { adopt: true })).toEqual([]);
      ended.abort();
      // The engine takes the old index's shards away a moment before its name: a search of that moment may find none.
      const seen = await counts;
      expect(seen.filter((count) => count !== -503)).toEqual(expect.arrayContaining([5]));
      expect(seen.filter((count) => count !== 5 && count !== -503)).toEqual([]);
      expect(await stateOf(engine, alias)).toMatchObject({ kind: "alias", current: [index] });
      await expect(rollbackAlias(engine, alias)).rejects.toMatchObject({ exitCode: 13 });
    });
  });

  describe(`${name}: what runs left`, () => {
    test("unfinished indexes go, but for those of runs that live and those of others", async ({
      engine,
      alias,
    }) => {
      const runs = [uniqueRun(), uniqueRun()];
      const [dead = "", living = ""] = await Promise.all(
        runs.map((run) => startIndex(engine, { alias, run, definition: DEFINITION })),
      );
      const other = await startIndex(engine, {
        alias: `${alias}-de`,
        run: uniqueRun(),
        definition: DEFINITION,
      });
      await engine.createIndex(indexNameOf(alias, uniqueRun()), { mappings: {}, settings: {} });
      // Somebody's copy of one of ours, mark and all.
      const [original] = await engine.findIndexes(dead);
      const copy = { mappings: { _meta: original?.meta }, settings: {} };
      await engine.createIndex(indexNameOf(alias, uniqueRun()), copy);
      const isAlive = (run: string): Promise<boolean> => Promise.resolve(run === runs[1]);
      const result = await removeUnfinishedIndexes(engine, alias, isAlive);
      expect(result).toEqual({ removed: [dead], alive: [living] });
      const left = await engine.findIndexes(`${alias}*`);
      expect(left.map(({ name: index }) => index)).toContain(other);
      expect(left).toHaveLength(4);
    });
  });
}

async function build(engine: SearchEngine, alias: string, count = 1): Promise<string> {
  const index = await startIndex(engine, { alias, run: uniqueRun(), definition: DEFINITION });
  await engine.bulk(index, documents(0, count));
  await finishIndex(engine, index);
  return index;
}

async function stateOf(engine: SearchEngine, alias: string): Promise<object> {
  const { kind, current, kept, unfinished } = await readAlias(engine, alias);
  const names = (indexes: readonly { name: string }[]): string[] => indexes.map(({ name }) => name);
  return { kind, current: names(current), kept: names(kept), unfinished: names(unfinished) };
}

async function settingsOf(url: string, index: string): Promise<unknown> {
  const { body } = await askEngine(url, "GET", `/${index}/_settings`);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the engine's own shape
  return (body as Record<string, { settings: { index: unknown } }>)[index]?.settings.index;
}

/** How many documents the alias's readers see, a hundred times a second; of an answer that is none, less its status. */
async function readAgainAndAgain(url: string, alias: string, signal: AbortSignal): Promise<number[]> {
  const seen: number[] = [];
  while (!signal.aborted) {
    await sleep(10);
    const { status, body } = await askEngine(url, "GET", `/${alias}/_count`);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the engine's own shape
    seen.push(status === 200 ? (body as { count: number }).count : -status);
  }
  return seen;
}
