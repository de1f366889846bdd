import { expect, test } from "vitest";
import { humanInstant, humanMoment } from "../../../src/observe/instant.ts";

test.each([
  { at: "2026-11-21T15:00:00Z", zone: "Europe/Berlin", text: "Sat 21 Nov 16:00 +01:00 (15:00 UTC)" },
  { at: "2026-11-21T15:00:00Z", zone: "UTC", text: "Sat 21 Nov 15:00 UTC" },
  { at: "2026-11-21T15:00:00Z", zone: "Europe/London", text: "Sat 21 Nov 15:00 UTC" },
  { at: "2026-07-01T15:00:00Z", zone: "Europe/London", text: "Wed 01 Jul 16:00 +01:00 (15:00 UTC)" },
  {
    at: "2026-11-21T02:30:00Z",
    zone: "America/New_York",
    text: "Fri 20 Nov 21:30 -05:00 (Sat 21 Nov 02:30 UTC)",
  },
  { at: "2026-11-21T15:00:00Z", zone: "Asia/Kolkata", text: "Sat 21 Nov 20:30 +05:30 (15:00 UTC)" },
  // Summer time ends: the same local time twice, told apart by its distance from UTC.
  { at: "2026-10-25T00:30:00Z", zone: "Europe/Berlin", text: "Sun 25 Oct 02:30 +02:00 (00:30 UTC)" },
  { at: "2026-10-25T01:30:00Z", zone: "Europe/Berlin", text: "Sun 25 Oct 02:30 +01:00 (01:30 UTC)" },
  // It begins: there is no half past two.
  { at: "2026-03-29T00:59:00Z", zone: "Europe/Berlin", text: "Sun 29 Mar 01:59 +01:00 (00:59 UTC)" },
  { at: "2026-03-29T01:00:00Z", zone: "Europe/Berlin", text: "Sun 29 Mar 03:00 +02:00 (01:00 UTC)" },
  { at: "2026-09-21T00:00:00Z", zone: "UTC", text: "Mon 21 Sep 00:00 UTC" },
])("$at in $zone", ({ at, zone, text }) => {
  expect(humanInstant(Date.parse(at), zone)).toBe(text);
});

test("a moment is short", () => {
  expect(humanMoment(Date.parse("2026-10-25T00:30:00Z"), "Europe/Berlin")).toBe("25 Oct 02:30");
});
