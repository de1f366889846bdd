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
});
