import { expect, test } from "vitest";
import { staleAt } from "../../../src/status/expectations.ts";

test.each([
  {
    name: "every 4 hours: the second one is an hour overdue",
    pattern: "0 */4 * * *",
    started: "2026-11-21T04:00:03.000Z",
    stale: "2026-11-21T13:00:00.000Z",
  },
  {
    name: "made by hand shortly before a scheduled one",
    pattern: "0 */4 * * *",
    started: "2026-11-21T03:50:00.000Z",
    stale: "2026-11-21T09:00:00.000Z",
  },
  {
    name: "every 10 minutes: a quarter of that is overdue",
    pattern: "*/10 * * * *",
    started: "2026-11-21T04:00:03.000Z",
    stale: "2026-11-21T04:22:30.000Z",
  },
  {
    name: "in working hours: a weekend is no reason",
    pattern: "0 9-17 * * MON-FRI",
    started: "2026-11-20T17:00:03.000Z",
    stale: "2026-11-23T10:15:00.000Z",
  },
  {
    name: "daily, over the end of summer time",
    pattern: "30 2 * * *",
    timezone: "Europe/Berlin",
    started: "2026-10-24T00:30:03.000Z",
    stale: "2026-10-26T02:30:00.000Z",
  },
  {
    name: "daily, over its beginning",
    pattern: "30 2 * * *",
    timezone: "Europe/Berlin",
    started: "2026-03-28T01:30:03.000Z",
    stale: "2026-03-30T01:30:00.000Z",
  },
])("$name", ({ pattern, timezone = "UTC", started, stale }) => {
  const at = staleAt(Date.parse(started), { schedule: { pattern, timezone }, maxAge: undefined });
  expect(new Date(at).toISOString()).toBe(stale);
});
