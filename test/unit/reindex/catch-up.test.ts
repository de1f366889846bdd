import { describe, expect, test } from "vitest";
import { chooseCatchUp, type FollowSetting, type SqlFacts } from "../../../src/reindex/catch-up.ts";

const PRODUCTS = { oid: 1, schema: "public", name: "products", kind: "r", isHeap: true };
const REVIEWS = { oid: 2, schema: "public", name: "reviews", kind: "r", isHeap: true };
const VIEW = { oid: 3, schema: "public", name: "shown", kind: "v", isHeap: false };

/** `SELECT id, … FROM products` */
const ONE_TABLE: SqlFacts = {
  idOrigin: { table: 1, column: "id" },
  relations: [PRODUCTS],
  nodes: [{ type: "Seq Scan", table: "products" }],
  unsteady: [],
};

const JOINED: SqlFacts = {
  ...ONE_TABLE,
  relations: [PRODUCTS, REVIEWS],
  nodes: [
    { type: "Hash Join", table: undefined },
    { type: "Seq Scan", table: "products" },
    { type: "Seq Scan", table: "reviews" },
  ],
};

const FOLLOW: FollowSetting[] = [{ table: "reviews", column: "product_id" }];

describe("chooseCatchUp", () => {
  test("takes row versions where a document is made from the rows that are known", () => {
    expect(chooseCatchUp(ONE_TABLE, [])).toMatchObject({
      method: "rows",
      root: PRODUCTS,
      rootId: "id",
      follow: [],
    });
    expect(chooseCatchUp(JOINED, FOLLOW)).toMatchObject({
      method: "rows",
      follow: [{ table: REVIEWS, column: "product_id", on: undefined }],
    });
    expect(chooseCatchUp(JOINED, [{ table: "public.reviews", column: "id", on: "review_id" }])).toMatchObject(
      {
        follow: [{ on: { rootColumn: "review_id", rootId: "id" } }],
      },
    );
    const partitioned = { ...ONE_TABLE, relations: [{ ...PRODUCTS, kind: "p", isHeap: false }] };
    expect(chooseCatchUp(partitioned, []).method).toBe("rows");
  });

  test.for<[string, SqlFacts, FollowSetting[]]>([
    ["the id is computed", { ...ONE_TABLE, idOrigin: undefined }, []],
    ["does not come from a table", { ...ONE_TABLE, relations: [{ ...PRODUCTS, kind: "f" }] }, []],
    ["does not come from a table", { ...ONE_TABLE, relations: [{ ...PRODUCTS, isHeap: false }] }, []],
    [
      "does not come from a table",
      { ...ONE_TABLE, idOrigin: { table: 3, column: "id" }, relations: [VIEW, PRODUCTS] },
      [],
    ],
    ["calls now", { ...ONE_TABLE, unsteady: ["now"] }, []],
    ["follow does not name reviews", JOINED, []],
    ["does not read reviews", ONE_TABLE, FOLLOW],
    [
      "several rows (WindowAgg)",
      { ...ONE_TABLE, nodes: [...ONE_TABLE.nodes, { type: "WindowAgg", table: undefined }] },
      [],
    ],
    [
      "several rows (Limit)",
      { ...ONE_TABLE, nodes: [...ONE_TABLE.nodes, { type: "Limit", table: undefined }] },
      [],
    ],
    [
      "several rows (WindowAgg)",
      { ...JOINED, nodes: [...JOINED.nodes, { type: "WindowAgg", table: undefined }] },
      FOLLOW,
    ],
    [
      "products more than once",
      { ...JOINED, nodes: [...JOINED.nodes, { type: "Index Scan", table: "products" }] },
      FOLLOW,
    ],
    ["reviews is not a table", { ...JOINED, relations: [PRODUCTS, { ...REVIEWS, kind: "f" }] }, FOLLOW],
  ])("else compares documents, and says why: %s", ([why, facts, follow]) => {
    expect(chooseCatchUp(facts, follow)).toEqual({ method: "documents", why: expect.stringContaining(why) });
  });
});
