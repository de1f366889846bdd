import { describe, expect } from "vitest";
import { isDataopsError } from "../../../src/errors.ts";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import { chooseCatchUp, describeCatchUp, type FollowSetting } from "../../../src/reindex/catch-up.ts";
import { describeSql } from "../../../src/reindex/describe-sql.ts";
import { test } from "../../support/postgres-test.ts";

const SCHEMA = `
CREATE TABLE products (id bigint PRIMARY KEY, name text, brand_id int, price numeric, code uuid, updated_at timestamptz);
CREATE TABLE reviews (id serial PRIMARY KEY, product_id bigint, stars int);
CREATE TABLE events (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE VIEW shown AS SELECT id, name FROM products WHERE name <> '';
CREATE MATERIALIZED VIEW counted AS SELECT product_id AS id, count(*) FROM reviews GROUP BY 1;
CREATE FUNCTION stars(bigint) RETURNS bigint STABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN (SELECT sum(stars) FROM reviews WHERE product_id = $1); END $$;
CREATE FUNCTION twice(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT $1 || $1 $$;`;

const CASES: Readonly<Record<string, { follow?: FollowSetting[]; how: string }>> = {
  "SELECT * FROM products": { how: "row versions of products" },
  "SELECT id, upper(twice(name)) AS name, to_char(price, '9.99') FROM products WHERE price > 1 ORDER BY name":
    {
      how: "row versions of products",
    },
  "WITH p AS (SELECT * FROM products) SELECT p.id, p.name FROM p": { how: "row versions of products" },
  "SELECT * FROM events": { how: "row versions of events" },
  "SELECT * FROM counted": { how: "row versions of counted" },
  "SELECT id, stars(id) FROM products": { how: "calls stars" },
  "SELECT id, now() FROM products": { how: "calls now" },
  "SELECT * FROM products WHERE updated_at < CURRENT_TIMESTAMP": { how: "calls CURRENT_TIMESTAMP" },
  "SELECT id, random() FROM products": { how: "calls random" },
  "SELECT id + 1 AS id FROM products": { how: "the id is computed" },
  "SELECT * FROM shown": { how: "does not come from a table" },
  "SELECT id, rank() OVER (ORDER BY name) FROM products": { how: "several rows (WindowAgg)" },
  "SELECT DISTINCT ON (name) * FROM products": { how: "several rows (Unique)" },
  "SELECT * FROM products LIMIT 10": { how: "several rows (Limit)" },
  "SELECT p.* FROM products p WHERE EXISTS (SELECT FROM reviews r WHERE r.product_id = p.id)": {
    how: "follow does not name reviews",
  },
  "SELECT p.id, count(r) FROM products p LEFT JOIN reviews r ON r.product_id = p.id GROUP BY p.id": {
    follow: [{ table: "reviews", column: "product_id" }],
    how: "row versions of products, reviews",
  },
  "SELECT p.id, (SELECT count(*) FROM products q WHERE q.brand_id = p.brand_id) FROM products p": {
    how: "several rows",
  },
};

async function described(client: PostgresClient, sql: string, id = "id", version?: string) {
  await client.query("BEGIN");
  try {
    return await describeSql(client, { file: "products.sql", sql, id, version });
  } finally {
    await client.query("ROLLBACK");
  }
}

describe("describeSql", () => {
  test("tells what each way of finding changes needs to know", async ({ database }) => {
    const client = await database.connect();
    await client.query(SCHEMA);
    const found: Record<string, string> = {};
    for (const [sql, { follow = [] }] of Object.entries(CASES)) {
      const { facts } = await described(client, sql);
      found[sql] = describeCatchUp(chooseCatchUp(facts, follow));
    }
    const expected = Object.entries(CASES).map(
      ([sql, { how }]) => [sql, expect.stringContaining(how)] as const,
    );
    expect(found).toEqual(Object.fromEntries(expected));
  });

  test("reads the id's type, and makes a version of numbers and times", async ({ database }) => {
    const client = await database.connect();
    await client.query(SCHEMA);
    const sql = "SELECT * FROM products; ";
    expect((await described(client, sql, "code", "updated_at")).source).toMatchObject({
      sql: "SELECT * FROM products",
      idType: "uuid",
      version: `(EXTRACT(epoch FROM d."updated_at") * 1000000)::bigint`,
    });
    expect((await described(client, sql, "id", "brand_id")).source.version).toBe('d."brand_id"::bigint');
  });

  test.for([
    ["SELECT 1 AS id; DROP TABLE products", "id", undefined, "syntax error"],
    ["DELETE FROM products RETURNING id", "id", undefined, "syntax error"],
    ["SELECT id FROM nothing", "id", undefined, 'relation "nothing" does not exist'],
    ["SELECT id FROM products", "ID", undefined, "no column ID"],
    ["SELECT id, id FROM products", "id", undefined, "more than one column id"],
    ["SELECT id, name FROM products", "id", "name", "neither a whole number nor a time"],
  ] as const)("names what is wrong with %s", async ([sql, id, version, message], { database }) => {
    const client = await database.connect();
    await client.query(SCHEMA);
    await expect(described(client, sql, id, version)).rejects.toSatisfy(
      (error) =>
        isDataopsError(error, "usage") &&
        error.message.includes(message) &&
        error.message.includes("products.sql"),
    );
  });
});
