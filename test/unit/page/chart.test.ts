import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layOut } from "../../../src/page/chart.ts";

const HOUR = 3_600_000;

describe("bars on a scale of time", () => {
  test("stand from edge to edge, evenly, and leave a gap where one is missing", () => {
    const { places, width } = layOut([0, 4, 8, 16, 20].map((hours) => hours * HOUR));
    expect(width).toBe(4);
    expect(places.map(Math.round)).toEqual([2, 21, 40, 79, 98]);
  });

  test.for([
    ["none", []],
    ["one", [7 * HOUR]],
    ["two at the same time", [7 * HOUR, 7 * HOUR]],
  ] as const)("of %s", ([, instants]) => {
    expect(layOut(instants)).toEqual({ places: instants.map(() => 50), width: 4 });
  });

  test("stay within the chart, whenever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4e12 }), { maxLength: 200 }), (instants) => {
        const { places, width } = layOut(instants.toSorted((left, right) => left - right));
        expect(width).toBeGreaterThan(0);
        for (const place of places) {
          expect(place - width / 2).toBeGreaterThanOrEqual(-1e-9);
          expect(place + width / 2).toBeLessThanOrEqual(100 + 1e-9);
        }
      }),
    );
  });
});
