import { describe, expect } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import { test } from "../../support/postgres-test.ts";
import { testReindex } from "../../support/reindex-pass.ts";

const PRODUCTS = `
CREATE TABLE products (id bigint PRIMARY KEY, name text, price numeric, tags text[], notes json, hidden boolean DEFAULT false,
  lock_version int DEFAULT 0, updated_at timestamptz DEFAULT '2026-01-01');
INSERT INTO products (id, name, price, tags, notes)
SELECT g, 'Product "' || g || E'" \\\\ \\n \\u0001', g / 100.0, ARRAY['a', NULL], E'{"line":\\n"break"}'
  FROM generate_series(1, 20000) AS g;
ANALYZE products;`;

describe("a pass", () => {
  test("brings every document in, and the next ones what changed alone", async ({ database }) => {
    const [client, second, writer] = await Promise.all([
      database.connect(),
      database.connect(),
      database.connect(),
    ]);
    await writer.query(PRODUCTS);
    const run = await testReindex(client, second, { sql: "SELECT * FROM products WHERE NOT hidden -- all;" });
    expect(run.catchUp).toMatchObject({ method: "rows", rootId: "id", follow: [] });
    expect(await run.pass()).toBe(20_000);
    expect(run.index.documents).toEqual(await run.wanted());
    expect(run.index.requests).toBeGreaterThan(50);
    expect(await run.pass()).toBe(0);
    await writer.query("UPDATE products SET name = 'changed' WHERE id <= 10");
    await writer.query("UPDATE products SET hidden = true WHERE id BETWEEN 11 AND 20");
    await writer.query("DELETE FROM products WHERE id BETWEEN 21 AND 30");
    await writer.query("INSERT INTO products (id) SELECT generate_series(20001, 20010)");
    run.index.items = 0;
    expect(await run.pass()).toBe(40);
    expect(run.index.items).toBe(40);
    expect(run.index.documents).toEqual(await run.wanted());
  });

  test("names the id that the SQL gives twice, and the document that has none", async ({ database }) => {
    const [client, second, writer] = await Promise.all([
      database.connect(),
      database.connect(),
      database.connect(),
    ]);
    await writer.query("CREATE TABLE t (id int, other int); INSERT INTO t VALUES (7, 1), (7, 2), (8, NULL)");
    const twice = await testReindex(client, second, { sql: "SELECT id FROM t" });
    await expect(twice.pass()).rejects.toSatisfy(
      (error) => isDataopsError(error, "usage") && error.message.includes('"7" more than once'),
    );
    const none = await testReindex(await database.connect(), await database.connect(), {
      sql: "SELECT other AS id FROM t",
    });
    await expect(none.pass()).rejects.toSatisfy(
      (error) => isDataopsError(error, "usage") && error.message.includes("NULL"),
    );
  });

  test("writes over a newer version that the column went back from, while nobody else writes", async ({
    database,
  }) => {
    const [client, second, writer] = await Promise.all([
      database.connect(),
      database.connect(),
      database.connect(),
    ]);
    await writer.query(
      "CREATE TABLE t (id int PRIMARY KEY, name text, v int); INSERT INTO t SELECT g, 'a', 5 FROM generate_series(1, 9) g",
    );
    const run = await testReindex(client, second, { sql: "SELECT * FROM t", version: "v" });
    await run.pass();
    await writer.query("UPDATE t SET name = 'b', v = 3 WHERE id = 1; UPDATE t SET name = 'b' WHERE id = 2");
    await writer.query("DELETE FROM t WHERE id IN (3, 4)");
    await run.pass();
    await writer.query("INSERT INTO t VALUES (3, 'again', 0)");
    await run.pass();
    expect(run.index.documents).toEqual(await run.wanted());
  });

  test.for([
    ["counted versions", undefined],
    ["the team's versions", "v"],
  ] as const)("leaves what an application wrote later, with %s", async ([, version], { database }) => {
    const [client, second, writer] = await Promise.all([
      database.connect(),
      database.connect(),
      database.connect(),
    ]);
    await writer.query(
      "CREATE TABLE t (id int PRIMARY KEY, name text, v int); INSERT INTO t SELECT g, 'old', 1 FROM generate_series(1, 6) g",
    );
    const run = await testReindex(client, second, {
      sql: "SELECT * FROM t",
      ...(version === undefined ? {} : { version }),
    });
    await run.pass();
    // Passes are numbered, and these have nothing to send.
    await run.pass();
    await run.pass();
    await writer.query("UPDATE t SET name = 'mine', v = 2 WHERE id <= 3; DELETE FROM t WHERE id = 4");
    // The snapshot is of now; the application is quicker.
    const write = (id: number, name: string, v: number): void =>
      run.index.write(String(id), { id, name, v }, version === undefined ? undefined : v);
    await run.pass({
      isShared: true,
      afterScan: async () => {
        write(1, "newer", 3);
        write(4, "again", 3);
        write(7, "new", 1);
        await writer.query(
          "UPDATE t SET name = 'newer', v = 3 WHERE id = 1; INSERT INTO t VALUES (4, 'again', 3), (7, 'new', 1)",
        );
      },
    });
    expect(run.index.documents).toEqual(await run.wanted());
  });

  test("counts a refused document once, and no more when it is well again", async ({ database }) => {
    const [client, second, writer] = await Promise.all([
      database.connect(),
      database.connect(),
      database.connect(),
    ]);
    await writer.query(
      "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) g",
    );
    const run = await testReindex(client, second, { sql: "SELECT * FROM t" });
    run.index.refuses.add("7");
    await run.pass();
    await run.pass();
    expect(run.refusals.documents).toEqual([{ id: "7", reason: "it is not taken" }]);
    expect(() => run.refusals.check()).toThrow('refused 1 document: "7", it is not taken');
    run.index.refuses.clear();
    await writer.query("UPDATE t SET n = 1 WHERE id = 7");
    await run.pass();
    expect(run.refusals.count).toBe(0);
    expect(run.index.documents).toEqual(await run.wanted());
  });
});
