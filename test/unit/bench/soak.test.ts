import { describe, expect, test } from "vitest";
import { FAULT_KINDS, planFaults } from "../../../bench/soak/faults.ts";
import { growthOf, type MemorySample } from "../../../bench/soak/memory.ts";
import { GOOD_VERDICTS, judgeSlot } from "../../../bench/soak/verdicts.ts";

const MINUTE = 60_000;

describe("a soak's faults", () => {
  test("are the same for the same seed, each once, and leave time to settle", () => {
    const plan = planFaults(7, 10 * MINUTE);
    expect(plan).toEqual(planFaults(7, 10 * MINUTE));
    expect(plan.map(({ kind }) => kind).toSorted()).toEqual([...FAULT_KINDS].toSorted());
    expect(plan.map(({ at }) => at)).toEqual(plan.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(Math.min(...plan.map(({ at }) => at))).toBeGreaterThanOrEqual(1.5 * MINUTE);
    expect(Math.max(...plan.map(({ at }) => at))).toBeLessThan(9 * MINUTE);
    expect(plan.find(({ kind }) => kind === "storage-refuses")?.lasts).toBe(MINUTE);
  });

  test("come in another order by another seed", () => {
    const orders = new Set(
      [1, 2, 3, 4].map((seed) =>
        planFaults(seed, MINUTE)
          .map(({ kind }) => kind)
          .join(),
      ),
    );
    expect(orders.size).toBeGreaterThan(1);
  });
});

describe("a slot", () => {
  const nothing = { isNoticed: false, isLogged: false };

  test.for([
    [["done"], nothing, "once"],
    [["lost", "done"], nothing, "made-up"],
    [["done", "failed"], nothing, "made-up"],
    [["failed"], nothing, "recorded"],
    [["lost", "interrupted", "fenced"], nothing, "recorded"],
    [[], { isNoticed: true, isLogged: true }, "noticed"],
    [[], { isNoticed: false, isLogged: true }, "logged"],
    [[], nothing, "silent"],
    [["done", "done"], nothing, "twice"],
    [["running"], nothing, "open"],
    [["running", "done"], nothing, "open"],
  ] as const)("with runs %j is judged", ([states, told, verdict]) => {
    expect(
      judgeSlot(
        states.map((state) => ({ state })),
        told,
      ),
    ).toBe(verdict);
  });

  test("that ran twice, that is open or that nobody knows of is no good one", () => {
    for (const verdict of ["twice", "open", "silent"] as const) expect(GOOD_VERDICTS).not.toContain(verdict);
  });
});

describe("memory", () => {
  /** Six samples a minute: a saw's teeth over a base. */
  function saw(minutes: number, base: (minute: number) => number): MemorySample[] {
    return Array.from({ length: minutes * 6 }, (_, place) => ({
      at: place * 10_000,
      bytes: base(Math.floor(place / 6)) + (place % 6) * 20,
    }));
  }

  test("that rises and falls around the same is flat", () => {
    expect(growthOf(saw(8, () => 1_000))).toBe(0);
  });

  test("that rises each minute grows by as much", () => {
    expect(growthOf(saw(8, (minute) => 1_000 + 50 * minute))).toBeCloseTo(50);
  });

  test("of less than three minutes says nothing", () => {
    expect(growthOf(saw(2, () => 1_000))).toBeUndefined();
    expect(growthOf([])).toBeUndefined();
  });
});
