import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideSlot, type SlotPolicy, type SlotState } from "../../../src/schedule/due-slot.ts";

const HOUR = 60 * 60 * 1000;
const FOUR_HOURLY: SlotPolicy = {
  schedule: { pattern: "0 */4 * * *", timezone: "UTC" },
  missedWithin: 24 * HOUR,
  blackouts: [],
};

function at(text: string): number {
  return Date.parse(`${text}Z`);
}

function told(now: string, considered: string, changes: Partial<SlotPolicy & SlotState> = {}): unknown {
  const { isRunning = false, ...policy } = changes;
  const decision = decideSlot(
    at(now),
    { considered: at(considered), isRunning },
    { ...FOUR_HOURLY, ...policy },
  );
  const text = (instant: number | undefined): string | undefined =>
    instant === undefined ? undefined : new Date(instant).toISOString().slice(0, 19);
  return {
    run: text(decision.run),
    lookAgain: text(decision.lookAgain),
    missed: decision.missed.map(({ slot, reason }) => `${text(slot)} ${reason}`),
  };
}

describe("a slot", () => {
  test("waits until it is due, and runs at its very instant", () => {
    expect(told("2026-11-21T07:59:59", "2026-11-21T04:00:00")).toEqual({
      run: undefined,
      lookAgain: "2026-11-21T08:00:00",
      missed: [],
    });
    expect(told("2026-11-21T08:00:00", "2026-11-21T04:00:00")).toEqual({
      run: "2026-11-21T08:00:00",
      lookAgain: "2026-11-21T12:00:00",
      missed: [],
    });
  });

  test("that was missed runs late; of several the last one", () => {
    expect(told("2026-11-21T17:30:00", "2026-11-21T04:00:00")).toEqual({
      run: "2026-11-21T16:00:00",
      lookAgain: "2026-11-21T20:00:00",
      missed: ["2026-11-21T08:00:00 overtaken", "2026-11-21T12:00:00 overtaken"],
    });
  });

  test("that was missed too long ago is told", () => {
    expect(told("2026-11-21T17:30:00", "2026-11-21T12:00:00", { missedWithin: HOUR })).toEqual({
      run: undefined,
      lookAgain: "2026-11-21T20:00:00",
      missed: ["2026-11-21T16:00:00 too-late"],
    });
  });

  test("that comes while the one before still runs is told", () => {
    expect(told("2026-11-21T08:00:01", "2026-11-21T04:00:00", { isRunning: true })).toEqual({
      run: undefined,
      lookAgain: "2026-11-21T12:00:00",
      missed: ["2026-11-21T08:00:00 overrun"],
    });
  });

  test("does not come again when the clock goes back a little", () => {
    expect(told("2026-11-21T07:59:00", "2026-11-21T08:00:00")).toEqual({
      run: undefined,
      lookAgain: "2026-11-21T12:00:00",
      missed: [],
    });
  });

  test("comes again after a clock that was wrong by a year was set right", () => {
    expect(told("2026-11-21T07:59:00", "2027-11-21T08:00:00")).toEqual({
      run: undefined,
      lookAgain: "2026-11-21T08:00:00",
      missed: [],
    });
  });
});

describe("a blackout window", () => {
  const policy = {
    schedule: { pattern: "0 23 * * *", timezone: "Europe/Berlin" },
    blackouts: [{ from: "22:30", to: "02:00" }],
  };

  test("is waited for, and the slot runs at its end", () => {
    const before = "2026-11-20T22:00:00";
    expect(told("2026-11-21T22:00:00", before, policy)).toMatchObject({
      run: undefined,
      lookAgain: "2026-11-22T01:00:00",
    });
    expect(told("2026-11-22T01:00:00", before, policy)).toMatchObject({ run: "2026-11-21T22:00:00" });
  });

  test("that overlaps another one ends with it", () => {
    const blackouts = [
      { from: "22:30", to: "02:00" },
      { from: "01:00", to: "03:00" },
    ];
    expect(told("2026-11-22T00:30:00", "2026-11-20T22:00:00", { ...policy, blackouts })).toMatchObject({
      lookAgain: "2026-11-22T02:00:00",
    });
  });

  test("of another time of day changes nothing", () => {
    const blackouts = [{ from: "09:00", to: "17:00" }];
    expect(told("2026-11-21T22:00:00", "2026-11-20T22:00:00", { ...policy, blackouts })).toMatchObject({
      run: "2026-11-21T22:00:00",
    });
  });
});

test.each(["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])(
  "whenever it is looked at, every slot of months runs once or is told, in their order: %s",
  (timezone) => {
    const start = at("2026-01-01T00:00:00");
    fc.assert(
      fc.property(
        fc.constantFrom("30 2 * * *", "0 */6 * * *", "15 1,13 * * 1-5"),
        fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 300 }),
        (pattern, steps, within) => {
          const policy = { schedule: { pattern, timezone }, missedWithin: within * HOUR, blackouts: [] };
          let state = { considered: start, isRunning: false };
          let now = start;
          const seen: number[] = [];
          for (const step of steps) {
            now += step * HOUR;
            const decision = decideSlot(now, state, policy);
            seen.push(...decision.missed.map(({ slot }) => slot));
            if (decision.run !== undefined) seen.push(decision.run);
            expect(decision.lookAgain).toBeGreaterThan(now);
            state = { ...state, considered: decision.considered };
          }
          expect(seen).toEqual([...new Set(seen)].sort((left, right) => left - right));
          expect(seen).toEqual(slotsUpTo(pattern, timezone, start, now));
        },
      ),
      { numRuns: 25 },
    );
  },
);

/** Counted forwards, where the code looks back. */
function slotsUpTo(pattern: string, timezone: string, from: number, to: number): number[] {
  const slots: number[] = [];
  const policy = { schedule: { pattern, timezone }, missedWithin: 0, blackouts: [] };
  for (let slot: number | undefined = from; ;) {
    slot = decideSlot(slot, { considered: slot, isRunning: false }, policy).lookAgain;
    if (slot === undefined || slot > to) return slots;
    slots.push(slot);
  }
}
