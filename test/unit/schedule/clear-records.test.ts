import { describe, expect, test } from "vitest";
import { parseSlotKey, slotKey } from "../../../src/repository/keys.ts";
import { chooseOld } from "../../../src/schedule/clear-records.ts";
import { mayRunAgain } from "../../../src/schedule/slot.ts";
import { LIGHT_JOB } from "../../support/light-job.ts";

const DAY = 24 * 60 * 60 * 1000;
const NOW = Date.parse("2026-11-21T04:00:00Z");

/** One record a day, the newest of today. */
function daily(count: number): { key: string; at: number }[] {
  return Array.from({ length: count }, (_, age) => ({ key: `${age}`, at: NOW - age * DAY }));
}

describe("records that are cleared", () => {
  test.for<[string, { key: string; at: number }[], string[]]>([
    ["none", [], []],
    ["fewer than are kept, old as they are", daily(400).slice(300, 400), []],
    ["older than 90 days, beyond the last 100", daily(103), ["100", "101", "102"]],
    ["many of the last 90 days", daily(300).map(({ key, at }) => ({ key, at: NOW - (NOW - at) / 10 })), []],
  ])("%s", ([, records, expected]) => {
    expect(chooseOld(records.toReversed(), NOW)).toEqual(expected);
  });

  test("are the oldest where there are too many for one run", () => {
    const chosen = chooseOld(daily(1_000), NOW);
    expect(chosen).toHaveLength(500);
    expect(chosen.at(-1)).toBe("999");
  });
});

test.for<[number, Parameters<typeof mayRunAgain>[1], boolean]>([
  [1, "lost", true],
  [1, "interrupted", true],
  [1, undefined, true],
  [2, "lost", true],
  [3, "lost", false],
  [1, "running", false],
  [1, "done", false],
  [1, "failed", false],
  [1, "fenced", false],
])("a slot whose %s. run is %s: another one %s", ([runs, last, expected]) => {
  expect(mayRunAgain(runs, last)).toBe(expected);
});

test("a slot's key tells its instant, and nothing else does", () => {
  const key = slotKey(LIGHT_JOB, NOW);
  expect(key).toBe("shop/slots/backup-shop/20261121T040000Z.json");
  expect(parseSlotKey(LIGHT_JOB, key)).toBe(NOW);
  expect(parseSlotKey({ ...LIGHT_JOB, kind: "verify" }, key)).toBeUndefined();
  expect(parseSlotKey(LIGHT_JOB, key.replace("1121", "1341"))).toBeUndefined();
});
