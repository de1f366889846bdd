import { describe, expect, test } from "vitest";
import { digestRecipe, type Recipe } from "../../../src/restore/template/recipe.ts";
import { keepsTemplate } from "../../../src/restore/template/plan.ts";

describe("the digest of a recipe", () => {
  const RECIPE: Recipe = {
    manifest: "a".repeat(64),
    dataops: "1.0.0",
    client: "15.20",
    serverMajor: 15,
    role: "postgres",
    isSuperuser: true,
    owner: "app",
    asSuperuser: false,
    loadSettings: { synchronous_commit: "off", maintenance_work_mem: "256MB" },
    extensions: ["hstore", "citext"],
    missingRoles: ["reader", "writer"],
  };

  test("does not depend on an order that means nothing", () => {
    const reordered: Recipe = {
      missingRoles: ["writer", "reader"],
      extensions: ["citext", "hstore"],
      loadSettings: { maintenance_work_mem: "256MB", synchronous_commit: "off" },
      asSuperuser: false,
      owner: "app",
      isSuperuser: true,
      role: "postgres",
      serverMajor: 15,
      client: "15.20",
      dataops: "1.0.0",
      manifest: "a".repeat(64),
    };
    expect(digestRecipe(reordered)).toBe(digestRecipe(RECIPE));
  });

  test.for<Partial<Recipe>>([
    { manifest: "b".repeat(64) },
    { dataops: "1.0.1" },
    { client: "16.1" },
    { serverMajor: 16 },
    { role: "admin" },
    { isSuperuser: false },
    { owner: "other" },
    { asSuperuser: true },
    { loadSettings: { synchronous_commit: "off" } },
    { extensions: ["hstore"] },
    { missingRoles: [] },
  ])("is another with %j", (change) => {
    expect(digestRecipe({ ...RECIPE, ...change })).not.toBe(digestRecipe(RECIPE));
  });
});

test.for([
  { configured: undefined, isLocal: true, environment: "development", keeps: true },
  { configured: undefined, isLocal: false, environment: "development", keeps: false },
  { configured: undefined, isLocal: true, environment: "production", keeps: false },
  { configured: true, isLocal: false, environment: "staging", keeps: true },
  { configured: false, isLocal: true, environment: "development", keeps: false },
])("$configured for a $environment database, local: $isLocal, keeps a template: $keeps", (row) => {
  expect(keepsTemplate(row.configured, row)).toBe(row.keeps);
});
