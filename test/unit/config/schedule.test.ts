import { describe, expect, test } from "vitest";
import { z } from "zod";
import { scheduleKeys, scheduleOf } from "../../../src/config/schedule.ts";

const settings = z.strictObject(scheduleKeys);

describe("a schedule", () => {
  test.each([
    { text: "0 */4 * * *", pattern: "0 */4 * * *" },
    { text: "  30  2,14 * *   MON-FRI ", pattern: "30 2,14 * * MON-FRI" },
    { text: "@daily", pattern: "@daily" },
    { text: "0 0 29 2 *", pattern: "0 0 29 2 *" },
  ])("$text is taken", ({ text, pattern }) => {
    const parsed = settings.parse({ schedule: text });
    expect(scheduleOf({ schedule: parsed.schedule, timezone: parsed.timezone })).toEqual({
      pattern,
      timezone: "UTC",
    });
  });

  test.each([
    ["", /five fields/],
    ["hourly", /five fields/],
    ["0 4 * *", /five fields/],
    ["0 0 4 * * *", /five fields/],
    ["2026-11-21T04:00:00", /five fields/],
    ["0 25 * * *", /^not a cron pattern: invalid value for hour: 25$/],
    ["* * * * MONDAYS", /^not a cron pattern: /],
    ["@fortnightly", /^not a cron pattern: /],
    ["0 0 31 2 *", /never comes/],
    [240, /expected a cron pattern/],
  ])("%j is refused, with a message that says what is expected", (schedule, message) => {
    const { error } = settings.safeParse({ schedule });
    expect(error?.issues.map((issue) => issue.message)).toEqual([expect.stringMatching(message)]);
  });

  test("without one there is none, whatever the time zone", () => {
    expect(scheduleOf({ schedule: undefined, timezone: "Europe/Berlin" })).toBeUndefined();
  });
});

test.each([
  ["UTC", true],
  ["America/New_York", true],
  ["Etc/GMT+5", true],
  ["Mars/Olympus", false],
  ["", false],
  ["+02:00", false],
])("the time zone %j is taken: %s", (timezone, isTaken) => {
  expect(settings.safeParse({ timezone }).success).toBe(isTaken);
});
