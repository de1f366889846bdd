import { describe, expect, test } from "vitest";
import { readThenJobs, runThenJobs } from "../../../src/commands/then-jobs.ts";
import type { Config } from "../../../src/config/config.ts";
import { isDataopsError } from "../../../src/errors.ts";

// eslint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of it is asked for
const config = { indexes: { products: {}, people: {} } } as unknown as Config;

describe("jobs under then", () => {
  test("are indexes to build", () => {
    expect(readThenJobs(["reindex products", " reindex  people "], config)).toEqual([
      { kind: "reindex", name: "products" },
      { kind: "reindex", name: "people" },
    ]);
  });

  test.for(["", "backup production", "reindex", "reindex a b", "reindex prodcts", "reindex toString"])(
    "are not %j",
    (line) => {
      expect(() => readThenJobs([line], config)).toThrow(
        expect.toSatisfy((error) => isDataopsError(error, "usage")),
      );
    },
  );

  test("run all, and the first failure is told", async () => {
    const ran: string[] = [];
    const jobs = readThenJobs(["reindex products", "reindex people"], config);
    const running = runThenJobs(jobs, new AbortController().signal, ({ name }) => {
      ran.push(name);
      return Promise.reject(new Error(name));
    });
    await expect(running).rejects.toThrow("products");
    expect(ran).toEqual(["products", "people"]);
  });
});
