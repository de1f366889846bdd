import { expect, test } from "vitest";
import { parseSlot } from "../../../src/commands/run-dependencies.ts";

const AT_FOUR = Date.parse("2026-11-21T04:00:00Z");

test.each([
  [undefined, undefined],
  ["2026-11-21T04:00:00Z", AT_FOUR],
  ["2026-11-21T04:00:00.999Z", AT_FOUR],
  ["2026-11-20T23:00-05:00", AT_FOUR],
  // As a CronJob named `backup` names what it makes for that instant.
  ["job/backup-29920560", AT_FOUR],
  ["job/backup-of.acme-2-29920560", AT_FOUR],
  // By `kubectl create job --from=cronjob/backup NAME`.
  ["job/backup-now", undefined],
  ["job/backup-2", undefined],
])("--slot %s", (text, expected) => {
  expect(parseSlot(text)).toBe(expected);
});

test.each(["", "now", "2026-11-21T04:00:00", "2026-11-21", "29920560", "job/", "backup-29920560", "job/a b"])(
  "--slot %j is refused",
  (text) => {
    expect(() => parseSlot(text)).toThrow(/is not an instant/);
  },
);
