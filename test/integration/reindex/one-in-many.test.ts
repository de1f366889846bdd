import { describe, expect } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import { readAlias } from "../../../src/search/alias-state.ts";
import { productsSql, reindexTest } from "../../support/reindex-test.ts";
import { askEngine } from "../../support/search-test.ts";

const test = reindexTest("opensearch-2");

const DOCUMENTS = 100_000;

describe("of a hundred thousand documents", () => {
  test(
    "the one that the engine refuses is named, and the next run has only that one to do",
    { timeout: 300_000 },
    async ({ database, engine, search, alias, runs, faulty }) => {
      const client = await database.connect();
      await client.query(productsSql(DOCUMENTS));
      await client.query("UPDATE products SET price = 'a lot' WHERE id = 71234");
      const request = { jobs: 4 };
      await expect(runs.run({ request })).rejects.toSatisfy(
        (error) =>
          isDataopsError(error, "reindexFailed") &&
          /refused 1 document: "71234", mapper_parsing_exception/.test(error.message),
      );
      expect(await readAlias(engine, alias)).toMatchObject({ kind: "free", unfinished: [{}] });
      const again = await faulty(() => undefined);
      const outcome = await runs.run({ engine: again.engine, request: { ...request, maxErrors: 1 } });
      expect(outcome).toMatchObject({ resumed: true, documents: DOCUMENTS - 1, refusedCount: 1 });
      const sent = again.proxy.requests.filter(({ path }) => path.endsWith("/_bulk"));
      expect(sent.every(({ body }) => body.toString().split("\n").length === 3)).toBe(true);
      const { body } = await askEngine(search.url, "GET", `/${alias}/_count`);
      expect(body).toMatchObject({ count: DOCUMENTS - 1 });
    },
  );
});
