import { describe, expect, test } from "vitest";
import { lineReporter } from "../../../src/observe/line-reporter.ts";

const SECOND = 1_000;
const MEGABYTE = 1_000_000;

describe("lineReporter", () => {
  test("tells what is said at once", () => {
    const { lines, reporter } = atNoon();
    reporter.info("one thing");
    reporter.warn("another");
    expect(lines).toEqual(["one thing", "warning: another"]);
  });

  test("tells of progress every 10 s at most, with bytes, total, rate and the time left", () => {
    const { lines, reporter, clock } = atNoon();
    const progress = reporter.progress("dump", 100 * MEGABYTE);
    for (let second = 1; second <= 25; second += 1) {
      clock.now += SECOND;
      progress.add(2 * MEGABYTE);
    }
    progress.end();
    expect(lines).toEqual([
      "dump: 20.0 MB of about 100 MB, 2.0 MB/s, 40 s left",
      "dump: 40.0 MB of about 100 MB, 2.0 MB/s, 30 s left",
    ]);
  });

  test("says no total that it does not know, and nothing of what is done within 10 s", () => {
    const { lines, reporter, clock } = atNoon();
    const short = reporter.progress("check");
    clock.now += 9 * SECOND;
    short.add(MEGABYTE);
    short.end();
    expect(lines).toEqual([]);
    const long = reporter.progress("download");
    clock.now += 10 * SECOND;
    long.add(MEGABYTE);
    expect(lines).toEqual(["download: 1.0 MB, 100 kB/s"]);
  });
});

function atNoon() {
  const lines: string[] = [];
  const clock = { now: Date.UTC(2026, 10, 21, 12) };
  const reporter = lineReporter(
    (line) => void lines.push(line),
    () => clock.now,
  );
  return { lines, clock, reporter };
}
