import { describe, expect, test } from "vitest";
import { checksOf, verdictOf, type Check } from "../../../bench/budgets.ts";
import type { BackupSeries, Round, ScenarioId, ScenarioResult } from "../../../bench/results.ts";

function series(id: string, runs: { seconds?: number; bytes?: number; packs?: number }[]): BackupSeries {
  return {
    id,
    name: id,
    where: "S3",
    runs: runs.map(({ seconds = 1, bytes = 1, packs = 0 }) => ({
      seconds,
      bytes,
      packs,
      peakBytes: 150e6,
      treePeakBytes: 170e6,
    })),
  };
}

function scenario(id: ScenarioId, ...all: BackupSeries[]): ScenarioResult {
  return { id, title: id, series: all };
}

function round(changes: Partial<Round>): Round {
  return {
    databaseBytes: 1.25e9,
    scenarios: [],
    restores: [],
    parts: undefined,
    churn: undefined,
    ...changes,
  };
}

function find(checks: readonly Check[], what: string): Check {
  const check = checks.find((one) => one.what.startsWith(what));
  if (check === undefined)
    throw new Error(`no check of ${what} among ${checks.map((one) => one.what).join(", ")}`);
  return check;
}

describe("verdictOf", () => {
  test.for<[Partial<Check>, string]>([
    [{ measured: 1 }, "met"],
    [{ measured: 1.01 }, "not met"],
    [{ measured: undefined }, "not measured"],
    [{ measured: Number.NaN }, "not measured"],
    [{ measured: 1.01, excuse: "too small" }, "not judged"],
  ])("%o: %s", ([changes, verdict]) => {
    expect(verdictOf({ what: "", measured: 1, limit: 1, unit: "ratio", ...changes })).toBe(verdict);
  });
});

describe("checksOf", () => {
  test("takes wall times run by run, so that a slow moment counts for neither", () => {
    const checks = checksOf(
      round({
        scenarios: [
          scenario(
            "first",
            series("pg-dump", [{ seconds: 10 }, { seconds: 100 }, { seconds: 20 }]),
            series("blocks-s3", [{ seconds: 3 }, { seconds: 40 }, { seconds: 5 }]),
          ),
        ],
      }),
    );
    expect(find(checks, "first backup: wall").measured).toBeCloseTo(0.3);
    expect(verdictOf(find(checks, "first backup: wall"))).toBe("met");
  });

  test("holds bytes against those of the contender's own first backup", () => {
    const checks = checksOf(
      round({
        scenarios: [
          scenario("first", series("blocks-s3", [{ bytes: 1000 }])),
          scenario("unchanged", series("blocks-s3", [{ packs: 0 }, { packs: 1 }])),
          scenario("four-hours", series("blocks-s3", [{ bytes: 10 }])),
          scenario("random", series("blocks-s3", [{ bytes: 16 }])),
        ],
      }),
    );
    expect(find(checks, "nothing changed: packs").measured).toBe(1);
    expect(verdictOf(find(checks, "nothing changed: packs"))).toBe("not met");
    expect(verdictOf(find(checks, "0.6 % changed: bytes"))).toBe("met");
    expect(verdictOf(find(checks, "1 % changed at random: bytes"))).toBe("not met");
  });

  test("judges memory at any size, and the rest from 1 GB on", () => {
    const slow = scenario(
      "first",
      series("pg-dump", [{ seconds: 1 }]),
      series("blocks-s3", [{ seconds: 2 }]),
    );
    const checks = checksOf(round({ databaseBytes: 0.1e9, scenarios: [slow] }));
    expect(verdictOf(find(checks, "first backup: wall"))).toBe("not judged");
    expect(verdictOf(find(checks, "memory of our process, backups"))).toBe("met");
  });

  test("has no check of what was not measured", () => {
    expect(checksOf(round({}))).toEqual([]);
  });
});
