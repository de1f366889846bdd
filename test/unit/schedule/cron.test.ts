import { afterEach, describe, expect, test } from "vitest";
import { nextRun, nextRuns } from "../../../src/schedule/cron.ts";

function after(pattern: string, timezone: string, from: string, count = 3): string[] {
  return nextRuns({ pattern, timezone }, Date.parse(from), count).map((instant) =>
    new Date(instant).toISOString().replace(":00.000Z", "Z"),
  );
}

describe("the next runs", () => {
  test.each([
    {
      name: "never the instant itself",
      pattern: "0 */4 * * *",
      timezone: "UTC",
      from: "2026-11-21T04:00:00.000Z",
      runs: ["2026-11-21T08:00Z", "2026-11-21T12:00Z", "2026-11-21T16:00Z"],
    },
    {
      name: "fields are in the schedule's own time zone",
      pattern: "0 1 * * *",
      timezone: "America/New_York",
      from: "2026-11-21T04:00:00.000Z",
      runs: ["2026-11-21T06:00Z", "2026-11-22T06:00Z", "2026-11-23T06:00Z"],
    },
    {
      name: "over a weekend",
      pattern: "0 9,17 * * MON-FRI",
      timezone: "UTC",
      from: "2026-11-20T12:00:00.000Z",
      runs: ["2026-11-20T17:00Z", "2026-11-23T09:00Z", "2026-11-23T17:00Z"],
    },
    {
      name: "a time of day that is skipped in spring comes right after",
      pattern: "30 2 * * *",
      timezone: "Europe/Berlin",
      from: "2026-03-28T12:00:00.000Z",
      runs: ["2026-03-29T01:00Z", "2026-03-30T00:30Z", "2026-03-31T00:30Z"],
    },
    {
      name: "so does one of several",
      pattern: "30 2,14 * * *",
      timezone: "Europe/Berlin",
      from: "2026-03-28T14:00:00.000Z",
      runs: ["2026-03-29T01:00Z", "2026-03-29T12:30Z", "2026-03-30T00:30Z"],
    },
    {
      name: "a time of day that is repeated in autumn comes once",
      pattern: "30 2 * * *",
      timezone: "Europe/Berlin",
      from: "2026-10-24T12:00:00.000Z",
      runs: ["2026-10-25T00:30Z", "2026-10-26T01:30Z", "2026-10-27T01:30Z"],
    },
    {
      name: "every hour is every hour, also when clocks change",
      pattern: "0 * * * *",
      timezone: "Europe/Berlin",
      from: "2026-10-24T23:30:00.000Z",
      runs: ["2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z"],
    },
  ])("$name", ({ pattern, timezone, from, runs }) => {
    expect(after(pattern, timezone, from)).toEqual(runs);
  });

  describe("do not depend on this machine's time zone", () => {
    const own = process.env["TZ"];
    afterEach(() => {
      if (own === undefined) delete process.env["TZ"];
      else process.env["TZ"] = own;
    });

    test.each([
      { zone: "UTC", offset: 0 },
      { zone: "America/New_York", offset: 240 },
      { zone: "Pacific/Apia", offset: -780 },
      { zone: "Asia/Kolkata", offset: -330 },
    ])("$zone", ({ zone, offset }) => {
      process.env["TZ"] = zone;
      expect(new Date("2026-10-24T12:00:00.000Z").getTimezoneOffset()).toBe(offset);
      expect(after("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00.000Z")).toEqual([
        "2026-10-25T00:30Z",
        "2026-10-26T01:30Z",
        "2026-10-27T01:30Z",
      ]);
    });
  });

  test("the next one is the first of them", () => {
    const schedule = { pattern: "0 */4 * * *", timezone: "UTC" };
    expect(nextRun(schedule, Date.parse("2026-11-21T03:59:59.999Z"))).toBe(
      Date.parse("2026-11-21T04:00:00.000Z"),
    );
  });
});
