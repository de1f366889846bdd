import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { excludeArgument, takeExcludable } from "../../../../src/backup/blocks/table-pattern.ts";

const table = (name: string, schema = "public") => ({ schema, name });

describe("excludeArgument", () => {
  test.for([
    ["orders", "public", '--exclude-table-data="public"."orders"'],
    ["a.b", "Odd", '--exclude-table-data="Odd"."a.b"'],
    ['say "hi"', "*", '--exclude-table-data="*"."say ""hi"""'],
  ] as const)("of %s in %s", ([name, schema, argument]) => {
    expect(excludeArgument(table(name, schema))).toBe(argument);
  });
});

describe("takeExcludable", () => {
  /** 36 bytes, and 9 beside. */
  const short = table("t000");
  const cost = 45;

  test.for([
    { what: "none of none", count: 0, limit: 100, taken: 0 },
    { what: "what fits exactly", count: 2, limit: 2 * cost, taken: 2 },
    { what: "not the one that is a byte too long", count: 2, limit: 2 * cost - 1, taken: 1 },
    { what: "none where there is room for none", count: 2, limit: cost - 1, taken: 0 },
  ])("takes $what", ({ count, limit, taken }) => {
    const tables = Array.from({ length: count }, () => short);
    expect(takeExcludable(tables, limit)).toHaveLength(taken);
  });

  test("counts bytes, not characters", () => {
    // Each is three bytes long: two more than "t000".
    expect(takeExcludable([table("☃☃")], cost + 2)).toHaveLength(1);
    expect(takeExcludable([table("☃☃")], cost + 1)).toHaveLength(0);
  });

  test("takes thousands of tables with usual names, and hundreds with the worst", () => {
    const usual = Array.from({ length: 10_000 }, (_, n) => table(`measurements_2026_11_${n}`));
    expect(takeExcludable(usual).length).toBeGreaterThan(3_000);
    const worst = Array.from({ length: 10_000 }, () => table('"'.repeat(63), '"'.repeat(63)));
    expect(takeExcludable(worst).length).toBeGreaterThan(900);
  });

  test("takes the first ones, within the limit, and as many as go", () => {
    const name = fc.string({ minLength: 1, maxLength: 63, unit: "grapheme" });
    fc.assert(
      fc.property(fc.array(fc.record({ schema: name, name })), fc.nat(5_000), (tables, limit) => {
        const taken = takeExcludable(tables, limit);
        expect(taken).toEqual(tables.slice(0, taken.length));
        const bytes = (some: typeof tables): number =>
          some.reduce((sum, one) => sum + Buffer.byteLength(excludeArgument(one)) + 9, 0);
        expect(bytes(taken)).toBeLessThanOrEqual(limit);
        const isAll = taken.length === tables.length;
        expect(isAll || bytes(tables.slice(0, taken.length + 1)) > limit).toBe(true);
      }),
    );
  });
});
