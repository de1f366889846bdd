import { describe, expect, test } from "vitest";
import {
  durationOf,
  judgeLease,
  parseLease,
  serializeLease,
  type LeaseRecord,
  type LeaseVerdict,
} from "../../../src/schedule/lease-record.ts";

const LEASE: LeaseRecord = {
  format: 1,
  generation: 7,
  state: "held",
  holder: {
    run: "20261121T040000Z-aaaaaa",
    host: "ip-10-0-1-7",
    pid: 1,
    since: "2026-11-21T04:00:00.120Z",
    slot: null,
  },
  renewed: "2026-11-21T04:01:00.000Z",
  expires: "2026-11-21T04:01:30.000Z",
  renewals: 6,
  unsettled: [],
};
const DURATION = 30_000;

describe("a lease that is seen", () => {
  test.for<[string, Partial<LeaseRecord> | undefined, number, boolean, LeaseVerdict]>([
    ["not at all", undefined, 0, false, "take"],
    ["free", { state: "free" }, 0, false, "take"],
    ["free, after it was held", { state: "free" }, 0, true, "take"],
    ["held, for the first time", {}, 0, false, "watch"],
    ["held, just before it has stood for its time", {}, DURATION - 1, false, "watch"],
    ["held, after it has stood for its time", {}, DURATION, false, "take-over"],
    ["held, and changed since the first look", {}, 0, true, "alive"],
    [
      "held, and long past by the time it says",
      { expires: "2026-11-21T04:01:00.000Z" },
      0,
      false,
      "take-over",
    ],
    [
      "held, from another century",
      { renewed: "2126-01-01T00:00:00.000Z", expires: "2126-01-01T00:00:30.000Z" },
      0,
      false,
      "watch",
    ],
    ["held for a century", { expires: "2126-01-01T00:00:00.000Z" }, 10 * 60_000, false, "take-over"],
  ])("%s", ([, changes, standing, changed, verdict]) => {
    const since = 1_000_000;
    const sighting = changes && { tag: "x", lease: { ...LEASE, ...changes }, since };
    expect(judgeLease(sighting, changed, since + standing)).toBe(verdict);
  });
});

test("lasts as long as it says, whatever the time of day", () => {
  expect(durationOf(LEASE)).toBe(DURATION);
  expect(durationOf({ renewed: LEASE.expires, expires: LEASE.renewed })).toBe(0);
});

test("a lease reads back as it was written", () => {
  expect(parseLease(serializeLease(LEASE), "x")).toEqual(LEASE);
});

test.for([
  ["cut", '{"format":1'],
  ["of another version", JSON.stringify({ ...LEASE, format: 2 })],
  ["with a key that is unknown", JSON.stringify({ ...LEASE, password: "x" })],
  ["with a holder of no run", JSON.stringify({ ...LEASE, holder: { ...LEASE.holder, run: "../x" } })],
  ["without a generation", JSON.stringify({ ...LEASE, generation: 0 })],
])("a lease that is %s is corrupt", ([, text]) => {
  expect(() => parseLease(Buffer.from(text ?? ""), "locks/x.json")).toThrow(/locks\/x\.json is not a lease/);
});
