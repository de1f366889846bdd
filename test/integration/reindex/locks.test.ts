import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import { productsSql, readProducts, reindexTest, searchAll } from "../../support/reindex-test.ts";

const test = reindexTest("opensearch-2");

/** Milliseconds, on a machine that is busy. */
const LONG = 120_000;

describe("a reindex and locks", () => {
  test(
    "waits for a migration's lock only so long, names who has it, and leaves the alias",
    { timeout: LONG },
    async ({ database, engine, alias, runs }) => {
      const migration = await database.connect();
      await migration.query(productsSql(100));
      await migration.query("BEGIN; LOCK TABLE products");
      await expect(runs.run({ request: { lockTimeout: 3_000 } })).rejects.toSatisfy(
        (error) =>
          isDataopsError(error) &&
          error.message.startsWith(
            `waited 3.0 s for public.products, which process ${migration.processId} `,
          ) &&
          (error.hint ?? "").includes(`pg_terminate_backend(${migration.processId})`),
      );
      expect(runs.told).toEqual([
        expect.stringMatching(`^waiting for public.products, which process ${migration.processId} \\(`),
      ]);
      expect(await engine.findIndexes(alias)).toEqual([]);
      await migration.query("ROLLBACK");
    },
  );

  test(
    "tells at once that a migration waits for what the load reads, which ends well",
    { timeout: LONG },
    async ({ database, search, alias, runs }) => {
      const client = await database.connect();
      await client.query(productsSql(1_500));
      const migration = await database.connect();
      let isLoading = false;
      let altered: Promise<unknown> | undefined;
      const told = Promise.withResolvers<string>();
      const running = runs.run({
        request: { maxDocsPerSecond: 500 },
        onLine: (line) => {
          if (line.startsWith("changes are found")) isLoading = true;
          if (line.includes(" waits for ")) told.resolve(line);
        },
      });
      while (altered === undefined) {
        await sleep(50);
        if (!isLoading) continue;
        const [row] = await client.query<{ held: boolean }>(
          "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'products'::regclass AND pid <> pg_backend_pid()) AS held",
        );
        if (row?.held !== true) continue;
        altered = migration.query("ALTER TABLE products SET (fillfactor = 90); LOCK TABLE products");
      }
      expect(await told.promise).toMatch(
        new RegExp(
          `^process ${migration.processId} \\(.*\\) waits for public.products, which this run reads`,
        ),
      );
      await Promise.all([altered, running]);
      expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));
    },
  );
});
