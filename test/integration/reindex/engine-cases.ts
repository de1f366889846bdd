import { describe, expect } from "vitest";
import { DataopsError, isDataopsError } from "../../../src/errors.ts";
import { readAlias } from "../../../src/search/alias-state.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";
import { productsSql, readProducts, reindexTest, searchAll } from "../../support/reindex-test.ts";
import { askEngine } from "../../support/search-test.ts";
import { startReader } from "../../support/search-reader.ts";
import { startWriter } from "../../support/shop-writer.ts";
import type { SearchEngineName } from "../../support/search-servers.ts";

/** Milliseconds, on a machine that is busy. */
const LONG = 180_000;

/** What a reindex must hold on every engine. */
export function describeReindex(name: SearchEngineName): void {
  const test = reindexTest(name);

  describe(`a reindex on ${name}`, () => {
    // The first test also waits for the engine to start.
    test(
      "builds an index, swaps the alias, and the next one keeps the old",
      { timeout: LONG },
      async ({ database, engine, search, alias, runs }) => {
        const client = await database.connect();
        await client.query(productsSql(3_000));
        const first = await runs.run();
        expect(first).toMatchObject({
          documents: 3_000,
          refusedCount: 0,
          previous: [],
          removed: [],
          method: "rows",
          resumed: false,
        });
        expect(first.sampled).toBeGreaterThan(50);
        expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
        await client.query("DELETE FROM products WHERE id <= 1000");
        const second = await runs.run({ request: { keep: 1 } });
        expect(second).toMatchObject({ documents: 2_000, previous: [first.index], removed: [] });
        const third = await runs.run({ request: { keep: 1 } });
        expect(third.removed).toEqual([first.index]);
        const state = await readAlias(engine, alias);
        expect(state.current.map((index) => index.name)).toEqual([third.index]);
        expect(state.kept.map((index) => index.name)).toEqual([second.index]);
        expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
        const left: string[] = [];
        for await (const { key } of runs.storage.list("")) left.push(key);
        expect(left).toEqual([]);
      },
    );

    test(
      "deletes old indexes also where it may delete nothing from the storage",
      { timeout: LONG },
      async ({ database, runs }) => {
        const client = await database.connect();
        await client.query(productsSql(200));
        const wrap = (storage: Storage): Storage => ({
          ...storage,
          delete: (key) => Promise.reject(new StorageError("not-permitted", `deleting ${key}: AccessDenied`)),
        });
        const first = await runs.run({ request: { keep: 0 }, wrap });
        expect(runs.told).toContainEqual(expect.stringContaining("something is left to delete: deleting"));
        const second = await runs.run({ request: { keep: 0 }, wrap });
        expect(second.removed).toEqual([first.index]);
      },
    );

    test.for([
      ["a version column", "updated_at"],
      ["no version column", undefined],
    ] as const)(
      "loses no write of an application at work, with %s",
      { timeout: LONG },
      async ([, version], { database, search, alias, runs }) => {
        const client = await database.connect();
        await client.query(productsSql(2_000));
        const setting = { file: "products.sql", sql: "SELECT * FROM products", id: "id", version };
        await runs.run({ request: { sql: setting } });
        const place = { url: search.url, alias, ids: 3_000, isVersioned: version !== undefined };
        const writer = await startWriter(database, place);
        const reader = startReader(search.url, alias);
        // Two seconds of load at least.
        const outcome = await runs.run({ request: { sql: setting, maxDocsPerSecond: 1_000 } });
        const { perSecond, deletes } = await writer.stop();
        const { searches, failures } = await reader.stop();
        expect({ failures, method: outcome.method }).toEqual({ failures: [], method: "rows" });
        expect(perSecond).toBeGreaterThan(300);
        expect(deletes).toBeGreaterThan(100);
        expect(searches).toBeGreaterThan(30);
        expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
      },
    );

    test("names the one document that the engine refuses, and leaves the alias until that is allowed", async ({
      database,
      engine,
      alias,
      runs,
    }) => {
      const client = await database.connect();
      await client.query(productsSql(3_000));
      const before = await runs.run();
      await client.query("UPDATE products SET price = 'a lot' WHERE id = 1234");
      await expect(runs.run()).rejects.toSatisfy(
        isReindexFailure(/refused 1 document: "1234", mapper_parsing_exception/),
      );
      expect(
        runs.told.find((line) => line.startsWith('refused "1234": mapper_parsing_exception')),
      ).toBeDefined();
      const { current, unfinished } = await readAlias(engine, alias);
      expect(current.map((index) => index.name)).toEqual([before.index]);
      expect(unfinished).toHaveLength(1);
      // The next run goes on with what was sent, and asks the engine about that document again.
      const after = await runs.run({ request: { maxErrors: 1 } });
      expect(after).toMatchObject({
        resumed: true,
        documents: 2_999,
        refusedCount: 1,
        index: unfinished[0]?.name,
      });
      expect(after.refused).toEqual([
        { id: "1234", reason: expect.stringContaining("mapper_parsing_exception") },
      ]);
    });

    test("goes on where a run was ended, and sends nothing twice", async ({
      database,
      search,
      alias,
      runs,
      faulty,
    }) => {
      const client = await database.connect();
      await client.query(productsSql(5_000));
      const ending = new AbortController();
      const half = await faulty(({ path, count }) => {
        if (path.endsWith("/_bulk") && count === 6)
          ending.abort(new DataopsError("terminated", "it was ended"));
        return undefined;
      });
      await expect(runs.run({ engine: half.engine, signal: ending.signal })).rejects.toSatisfy((error) =>
        isDataopsError(error, "terminated"),
      );
      await client.query("UPDATE products SET name = 'changed meanwhile' WHERE id <= 50");
      await client.query("DELETE FROM products WHERE id BETWEEN 51 AND 100");
      const rest = await faulty(() => undefined);
      const outcome = await runs.run({ engine: rest.engine });
      expect(outcome).toMatchObject({ resumed: true, documents: 4_950 });
      expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
      const sent = rest.proxy.requests
        .filter(({ path }) => path.endsWith("/_bulk"))
        .reduce((sum, { body }) => sum + body.toString("utf8").split('"_id"').length - 1, 0);
      expect(sent).toBeLessThan(4_500);
    });

    test("waits for an engine that has too much to do, and stops at a full disk with the alias untouched", async ({
      database,
      engine,
      search,
      alias,
      runs,
      faulty,
    }) => {
      const client = await database.connect();
      await client.query(productsSql(4_000));
      const before = await runs.run();
      const isBulk = ({ path }: { path: string }): boolean => path.endsWith("/_bulk");
      let isFull = false;
      const { engine: trying } = await faulty(async (request) => {
        if (!isBulk(request)) return undefined;
        if (request.count <= 3)
          return { kind: "answer", status: 429, body: { error: { type: "circuit_breaking_exception" } } };
        if (request.count === 6) {
          // A block as the engine sets it by itself where a disk is full.
          const [, index = ""] = request.path.split("/");
          await askEngine(search.url, "PUT", `/${index}/_settings`, {
            "index.blocks.read_only_allow_delete": true,
          });
          isFull = true;
        }
        return undefined;
      });
      await expect(runs.run({ engine: trying })).rejects.toSatisfy(isReindexFailure("block"));
      expect(isFull).toBe(true);
      const { current, unfinished } = await readAlias(engine, alias);
      expect(current.map((index) => index.name)).toEqual([before.index]);
      await askEngine(search.url, "PUT", `/${unfinished[0]?.name}/_settings`, {
        "index.blocks.read_only_allow_delete": null,
      });
      let isDead = false;
      const dying = await faulty((request) => {
        isDead ||= isBulk(request) && request.count === 3;
        return isDead ? { kind: "reset" } : undefined;
      });
      await expect(runs.run({ engine: dying.engine, patience: 500 })).rejects.toSatisfy(isReindexFailure(""));
      const outcome = await runs.run();
      expect(outcome).toMatchObject({ resumed: true, documents: 4_000, index: unfinished[0]?.name });
      expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
    });

    test(
      "says before any work that an index has the alias's name, and puts the alias in its place when told to",
      { timeout: LONG },
      async ({ database, search, alias, runs, faulty }) => {
        const client = await database.connect();
        await client.query(productsSql(1_000));
        await askEngine(search.url, "POST", `/${alias}/_doc/1?refresh=true`, { name: "of old" });
        await expect(runs.run()).rejects.toSatisfy(
          (error) => isDataopsError(error, "refused") && (error.hint ?? "").includes("--adopt"),
        );
        expect(runs.told).toEqual([]);
        const reader = startReader(search.url, alias);
        const adopting = await faulty(() => undefined);
        const { index } = await runs.run({ engine: adopting.engine, request: { adopt: true } });
        // The engine itself removes the index before it knows the alias: for an instant a search finds no shard, but never no index.
        const { failures } = await reader.stop();
        expect(failures.filter((failure) => !failure.startsWith("503"))).toEqual([]);
        expect(failures.length).toBeLessThan(10);
        // One change of both, which the engine makes or does not make.
        const changes = adopting.proxy.requests.filter(({ path }) => /^\/_aliases|_alias\b/.test(path));
        expect(
          changes.filter(({ method }) => method !== "GET").map(({ body }) => JSON.parse(body.toString())),
        ).toEqual([{ actions: [{ remove_index: { index: alias } }, { add: { index, alias } }] }]);
        expect(adopting.proxy.requests.filter(({ method }) => method === "DELETE")).toEqual([]);
        expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
      },
    );

    test("does not swap where the index is not what the database is", async ({
      database,
      engine,
      search,
      alias,
      runs,
    }) => {
      const client = await database.connect();
      await client.query(productsSql(1_000));
      const meddle = async (line: string): Promise<void> => {
        if (!line.startsWith("load:")) return;
        const [index] = (await readAlias(engine, alias)).unfinished;
        await askEngine(search.url, "DELETE", `/${index?.name}/_doc/7`);
      };
      let meddling: Promise<void> | undefined;
      const confirm = (): Promise<void> => Promise.reject(new Error("it must not come to that"));
      const wrapped = {
        ...engine,
        refresh: async (...args: Parameters<typeof engine.refresh>) => {
          await meddling;
          return engine.refresh(...args);
        },
      };
      await expect(
        runs.run({
          engine: wrapped,
          confirm,
          onLine: (line) => void (meddling ??= line.startsWith("load:") ? meddle(line) : undefined),
        }),
      ).rejects.toSatisfy(isReindexFailure("the index has 999 documents, the database 1000"));
      expect((await readAlias(engine, alias)).kind).toBe("free");
    });
  });
}

function isReindexFailure(message: string | RegExp): (error: unknown) => boolean {
  return (error) =>
    isDataopsError(error, "reindexFailed") &&
    (typeof message === "string" ? error.message.includes(message) : message.test(error.message));
}
