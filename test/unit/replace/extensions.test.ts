import { describe, expect, test } from "vitest";
import { planExtensions } from "../../../src/replace/scratch/plan-extensions.ts";
import { inOrder } from "../../../src/replace/scratch/create-extensions.ts";

function extension(name: string, used = true) {
  return { name, version: "1.0", schema: "public", used };
}

function plan(extensions: ReturnType<typeof extension>[], available: string[], skip: string[] = []) {
  const { create, leftOut } = planExtensions(extensions, new Set(available), skip);
  return { create: create.map(({ name }) => name), leftOut };
}

describe("planExtensions", () => {
  test.for([
    {
      name: "creates what is available, used or not",
      extensions: [extension("citext"), extension("hstore", false)],
      available: ["citext", "hstore", "more"],
      skip: [],
      expected: { create: ["citext", "hstore"], leftOut: [] },
    },
    {
      name: "leaves out what is missing and unused, and tells",
      extensions: [extension("citext"), extension("pg_cron", false)],
      available: ["citext"],
      skip: [],
      expected: {
        create: ["citext"],
        leftOut: ["EXTENSION pg_cron: this server does not have it, and nothing uses it"],
      },
    },
    {
      name: "does without what the configuration skips, missing or not",
      extensions: [extension("postgis"), extension("citext")],
      available: ["citext"],
      skip: ["postgis", "citext"],
      expected: {
        create: [],
        leftOut: [
          "EXTENSION postgis: listed under skipExtensions",
          "EXTENSION citext: listed under skipExtensions",
        ],
      },
    },
  ])("$name", ({ extensions, available, skip, expected }) => {
    expect(plan(extensions, available, skip)).toEqual(expected);
  });

  test("refuses what is used and missing, all of it by name", () => {
    const extensions = [extension("postgis"), extension("vector"), extension("citext")];
    expect(() => plan(extensions, ["citext"])).toThrow(
      expect.objectContaining({
        exit: "refused",
        message: "the backup uses extensions that this server does not have: postgis, vector",
        hint: expect.stringContaining("skipExtensions"),
      }),
    );
  });
});

describe("inOrder", () => {
  test.for([
    ["as given where none needs another", ["b", "a"], {}, ["b", "a"]],
    ["after what it needs", ["a", "b", "c"], { a: ["c"], c: ["b"] }, ["b", "c", "a"]],
    ["without what is not in the backup", ["a"], { a: ["plpgsql"] }, ["a"]],
    ["once, where two need it", ["a", "b", "c"], { a: ["c"], b: ["c"] }, ["c", "a", "b"]],
    ["even where they go in a circle", ["a", "b"], { a: ["b"], b: ["a"] }, ["b", "a"]],
  ] as const)("%s", ([, names, requirements, expected]) => {
    const extensions = names.map((name) => extension(name));
    const ordered = inOrder(extensions, new Map(Object.entries(requirements)));
    expect(ordered.map(({ name }) => name)).toEqual(expected);
  });
});
