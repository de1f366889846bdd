import fc from "fast-check";
import { describe, expect } from "vitest";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import { test } from "../../support/postgres-test.ts";
import { testReindex } from "../../support/reindex-pass.ts";

/** Ids that the steps choose from: few, so that they meet. */
const IDS = 12;
const WRITERS = 3;

const SCHEMA = `
DROP SCHEMA IF EXISTS shop CASCADE;
CREATE SCHEMA shop;
CREATE TABLE shop.brands (id int PRIMARY KEY, name text);
CREATE TABLE shop.products (id int PRIMARY KEY, brand_id int, name text, hidden boolean DEFAULT false, version int DEFAULT 0);
CREATE TABLE shop.reviews (id serial PRIMARY KEY, product_id int, stars int);
INSERT INTO shop.brands SELECT g, 'brand ' || g FROM generate_series(1, 3) AS g;
INSERT INTO shop.products (id, brand_id, name) SELECT g, g % 3 + 1, 'product ' || g FROM generate_series(1, ${IDS}, 2) AS g;
INSERT INTO shop.reviews (product_id, stars) SELECT g % ${IDS} + 1, g % 5 FROM generate_series(1, 20) AS g;`;

/** What the documents are made from, in each of the ways that changes are found. */
const SETTINGS = {
  rows: { sql: "SELECT id, name, brand_id, version FROM shop.products WHERE NOT hidden" },
  versions: { sql: "SELECT id, name, hidden, version FROM shop.products", version: "version" },
  follow: {
    sql: `SELECT p.id, p.name, b.name AS brand,
            (SELECT json_agg(r.stars ORDER BY r.id) FROM shop.reviews AS r WHERE r.product_id = p.id) AS stars
            FROM shop.products AS p LEFT JOIN shop.brands AS b ON b.id = p.brand_id`,
    follow: [
      { table: "shop.reviews", column: "product_id" },
      { table: "shop.brands", column: "id", on: "brand_id" },
    ],
  },
  documents: {
    sql: "SELECT id, name, rank() OVER (ORDER BY name, id) AS rank FROM shop.products WHERE NOT hidden",
  },
} as const;

const STATEMENTS = {
  insert: (id) =>
    `INSERT INTO shop.products (id, brand_id, name) VALUES (${id}, ${(id % 3) + 1}, 'inserted')`,
  upsert: (id) =>
    `INSERT INTO shop.products (id, name) VALUES (${id}, 'new') ON CONFLICT (id) DO UPDATE SET name = 'upserted'`,
  update: (id) =>
    `UPDATE shop.products SET name = md5(random()::text), version = version + 1 WHERE id = ${id}`,
  // As an application does that restores an old state, and one that does not care.
  versionBack: (id) => `UPDATE shop.products SET name = md5(random()::text), version = 0 WHERE id = ${id}`,
  versionSame: (id) => `UPDATE shop.products SET name = md5(random()::text) WHERE id = ${id}`,
  touch: (id) => `UPDATE shop.products SET name = name WHERE id = ${id}`,
  hide: (id) => `UPDATE shop.products SET hidden = NOT hidden WHERE id = ${id}`,
  renumber: (id) => `UPDATE shop.products SET id = ${(id % IDS) + 1} WHERE id = ${id}`,
  delete: (id) => `DELETE FROM shop.products WHERE id = ${id}`,
  lock: (id) => `SELECT FROM shop.products WHERE id = ${id} FOR KEY SHARE`,
  lockForUpdate: (id) => `SELECT FROM shop.products WHERE id = ${id} FOR UPDATE`,
  review: (id) => `INSERT INTO shop.reviews (product_id, stars) VALUES (${id}, 1)`,
  moveReview: (id) => `UPDATE shop.reviews SET product_id = ${id} WHERE id = ${id}`,
  dropReview: (id) => `DELETE FROM shop.reviews WHERE product_id = ${id}`,
  rename: (id) => `UPDATE shop.brands SET name = md5(random()::text) WHERE id = ${(id % 3) + 1}`,
  begin: () => "BEGIN",
  commit: () => "COMMIT",
  rollback: () => "ROLLBACK",
  savepoint: () => "SAVEPOINT s",
  release: () => "RELEASE SAVEPOINT s",
  backToSavepoint: () => "ROLLBACK TO SAVEPOINT s",
  vacuum: () => "VACUUM shop.products",
  freeze: () => "VACUUM (FREEZE) shop.products, shop.reviews",
  full: () => "VACUUM (FULL) shop.products, shop.reviews",
  // In a transaction that stays open, they would keep everybody from reading.
  cluster: () => "COMMIT; CLUSTER shop.products USING products_pkey",
  truncate: () => "COMMIT; TRUNCATE shop.reviews",
} as const satisfies Record<string, (id: number) => string>;

interface Change {
  kind: keyof typeof STATEMENTS;
  writer: number;
  id: number;
}

type Step = Change | { kind: "pass" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "pass" }) },
  {
    weight: 5,
    arbitrary: fc.record<Change>({
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- those are its keys
      kind: fc.constantFrom(...(Object.keys(STATEMENTS) as (keyof typeof STATEMENTS)[])),
      writer: fc.integer({ min: 0, max: WRITERS - 1 }),
      id: fc.integer({ min: 1, max: IDS }),
    }),
  },
);

/** What the server does not allow at the moment does not happen; a transaction that it ended by that is over. */
async function attempt(client: PostgresClient, statement: string): Promise<void> {
  try {
    await client.query(statement);
  } catch {
    await client.query("ROLLBACK");
  }
}

describe("catching up", () => {
  test("finds whatever transactions did, in whatever order they end", async ({ database }) => {
    const [client, second] = await Promise.all([database.connect(), database.connect()]);
    const writers = await Promise.all(Array.from({ length: WRITERS }, () => database.connect()));
    for (const writer of writers)
      await writer.query("SET lock_timeout = '5ms'; SET client_min_messages = error");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        for (const writer of writers) await writer.query("ROLLBACK");
        await client.query(SCHEMA);
        const runs = [];
        for (const [name, setting] of Object.entries(SETTINGS)) {
          runs.push({ name, run: await testReindex(client, second, setting) });
        }
        const methods = runs.map(({ run }) => run.catchUp.method);
        expect(methods).toEqual(["rows", "rows", "rows", "documents"]);
        for (const one of [{ kind: "pass" } as const, ...steps, { kind: "pass" } as const]) {
          if (one.kind !== "pass") {
            const writer = writers[one.writer];
            if (writer !== undefined) await attempt(writer, STATEMENTS[one.kind](one.id));
            continue;
          }
          for (const { name, run } of runs) {
            await run.pass();
            expect({ name, documents: run.index.documents }).toEqual({ name, documents: await run.wanted() });
          }
        }
        for (const writer of writers) await writer.query("ROLLBACK");
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
