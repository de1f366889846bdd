import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  renderTemplateMark,
  readTemplateMark,
  type TemplateContent,
} from "../../../src/replace/template/mark.ts";
import { digestRecipe, type Recipe } from "../../../src/restore/template/recipe.ts";
import { hasRoom } from "../../../src/replace/template/room.ts";
import { keepsTemplate } from "../../../src/restore/template/plan.ts";
import { judgeTemplate } from "../../../src/restore/template/use.ts";

const CONTENT: TemplateContent = {
  backup: "20261121T040000Z-k3v9qa",
  manifest: "a".repeat(64),
  recipe: "b".repeat(64),
  run: "20261121T050000Z-abc123",
  locale: null,
  leftOut: [],
  missingExtensions: [],
};

describe("the mark of a template", () => {
  test("says whose it is and what it holds, whatever is in it", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, fc.option(text), fc.array(text), (target, locale, leftOut) => {
        const content = { ...CONTENT, locale, leftOut };
        expect(readTemplateMark(renderTemplateMark(target, content) ?? null)).toEqual({ target, content });
      }),
    );
  });

  test("still says whose it is where the rest is damaged, wherever", () => {
    const comment = renderTemplateMark("shop", { ...CONTENT, leftOut: ["POLICY"] }) ?? "";
    const begin = comment.indexOf("{");
    for (let end = begin; end < comment.length - 1; end++) {
      const mark = readTemplateMark(comment.slice(0, end));
      expect(mark, comment.slice(0, end)).toEqual({ target: "shop", content: undefined });
    }
  });

  test.for<[string, object]>([
    ["another key", { ...CONTENT, later: 1 }],
    ["a digest that is none", { ...CONTENT, manifest: "a" }],
    ["an id that is none", { ...CONTENT, backup: "../production" }],
    ["a run that is none", { ...CONTENT, run: 'x"; DROP ROLE postgres' }],
    ["something missing", { ...CONTENT, leftOut: undefined }],
  ])("with %s says nothing of what it holds", ([, content]) => {
    const comment = `[dataops: template of "shop": ${JSON.stringify(content)}]`;
    expect(readTemplateMark(comment)).toEqual({ target: "shop", content: undefined });
  });

  test.for([
    null,
    "",
    "the shop",
    "[dataops: template of shop: {}]",
    'see [dataops: template of "shop": {}]',
  ])("is not in %j", (comment) => {
    expect(readTemplateMark(comment)).toBeUndefined();
  });

  test("is not made too long to be read", () => {
    const leftOut = Array.from({ length: 5 }, () => "x".repeat(1024 * 1024));
    expect(renderTemplateMark("shop", { ...CONTENT, leftOut })).toBeUndefined();
  });
});

test.for<[string, TemplateContent | undefined, string]>([
  ["the same backup by the same recipe", CONTENT, "usable"],
  ["another backup", { ...CONTENT, backup: "20261121T080000Z-k3v9qa" }, "other"],
  ["another backup of the same id", { ...CONTENT, manifest: "c".repeat(64) }, "other"],
  ["another recipe", { ...CONTENT, recipe: "c".repeat(64) }, "other"],
  ["nothing that can be read", undefined, "damaged"],
])("a template of %s is judged", ([, content, verdict]) => {
  const { backup, manifest, recipe } = CONTENT;
  expect(judgeTemplate(content, { backup, manifest, recipe })).toBe(verdict);
});

describe("the digest of a recipe", () => {
  const RECIPE: Recipe = {
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
    };
    expect(digestRecipe(reordered)).toBe(digestRecipe(RECIPE));
  });

  test.for<Partial<Recipe>>([
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

const GiB = 1024 ** 3;

test.for([
  { size: 10 * GiB, free: undefined, fits: true },
  { size: 10 * GiB, free: 11 * GiB, fits: true },
  { size: 10 * GiB, free: 11 * GiB - 1, fits: false },
  { size: 100 * GiB, free: 109 * GiB, fits: false },
  { size: 100 * GiB, free: 110 * GiB, fits: true },
  { size: 0, free: GiB - 1, fits: false },
])("a copy of $size bytes where $free are free fits: $fits", ({ fits, ...room }) => {
  expect(hasRoom(room)).toBe(fits);
});
