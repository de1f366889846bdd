import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideRetention, type Candidate, type Verdict } from "../../../src/backup/retention.ts";
import type { KeepRules } from "../../../src/config/config.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse("2026-11-21T12:00:00Z");

/** `2026-11-21T04` (good), `suspect …`, `unreadable …`, `kept …`: told apart by that text. */
function candidate(text: string): Candidate {
  const [mark, instant = mark ?? ""] = text.split(" ");
  const state = mark === "suspect" || mark === "unreadable" ? mark : "good";
  return { id: text, started: Date.parse(`${instant}:00Z`), state, isKept: mark === "kept" };
}

function decide(texts: readonly string[], rules: KeepRules | undefined, now = NOW): Record<string, string> {
  const verdicts = decideRetention(texts.map(candidate), rules, now);
  return Object.fromEntries(verdicts.map(({ id, keptBy }) => [id, keptBy.join(", ")]));
}

describe("retention, written out:", () => {
  test("last keeps the newest", () => {
    expect(decide(["2026-11-21T04:00", "2026-11-21T08:00", "2026-11-20T04:00"], { last: 2 })).toEqual({
      "2026-11-21T08:00": "newest good, last",
      "2026-11-21T04:00": "last",
      "2026-11-20T04:00": "",
    });
  });

  test("within counts back from the newest, its own instant included", () => {
    const texts = ["2026-10-21T04:00", "2026-10-19T04:00", "2026-10-19T03:59"];
    expect(decide(texts, { within: 2 * DAY })).toEqual({
      "2026-10-21T04:00": "newest good, within",
      "2026-10-19T04:00": "within",
      "2026-10-19T03:59": "",
    });
  });

  test("each hour, day, week, month and year keeps its newest", () => {
    const texts = [
      "2026-11-21T08:30",
      "2026-11-21T08:10",
      "2026-11-21T04:00",
      "2026-11-20T23:59",
      "2026-11-16T00:00",
      // A Sunday: the week before.
      "2026-11-15T23:59",
      "2026-10-31T23:59",
      "2026-10-01T00:00",
      "2025-12-31T23:59",
      "2025-01-01T00:00",
    ];
    expect(decide(texts, { hourly: 3, daily: 3, weekly: 2, monthly: 3, yearly: 9 })).toEqual({
      "2026-11-21T08:30": "newest good, hourly, daily, weekly, monthly, yearly",
      "2026-11-21T08:10": "",
      "2026-11-21T04:00": "hourly",
      "2026-11-20T23:59": "hourly, daily",
      "2026-11-16T00:00": "daily",
      "2026-11-15T23:59": "weekly",
      "2026-10-31T23:59": "monthly",
      "2026-10-01T00:00": "",
      "2025-12-31T23:59": "monthly, yearly",
      "2025-01-01T00:00": "",
    });
  });

  test("a period without a backup counts for nothing: three days are three days that have one", () => {
    expect(decide(["2026-11-21T04:00", "2026-09-01T04:00", "2020-01-01T04:00"], { daily: 3 })).toEqual({
      "2026-11-21T04:00": "newest good, daily",
      "2026-09-01T04:00": "daily",
      "2020-01-01T04:00": "daily",
    });
  });

  test("a week may lie in two years", () => {
    expect(decide(["2026-01-01T04:00", "2025-12-29T04:00", "2025-12-28T04:00"], { weekly: 5 })).toEqual({
      "2026-01-01T04:00": "newest good, weekly",
      "2025-12-29T04:00": "",
      "2025-12-28T04:00": "weekly",
    });
  });

  test("before 1970 the weeks begin on Monday, too", () => {
    expect(decide(["1969-12-29T00:00", "1969-12-28T23:59"], { weekly: 2 })).toEqual({
      "1969-12-29T00:00": "newest good, weekly",
      "1969-12-28T23:59": "weekly",
    });
  });

  test("where no backup was made for longer than every rule keeps, all that was kept stays", () => {
    const texts = ["2020-01-03T04:00", "2020-01-02T04:00", "2020-01-01T04:00"];
    expect(decide(texts, { last: 2, within: DAY })).toEqual({
      "2020-01-03T04:00": "newest good, last, within",
      "2020-01-02T04:00": "last, within",
      "2020-01-01T04:00": "",
    });
  });

  test("the newest good one stays, though no rule keeps it", () => {
    expect(decide(["2026-11-21T04:00"], {})).toEqual({ "2026-11-21T04:00": "newest good" });
  });

  test("without rules everything stays", () => {
    expect(decide(["2026-11-21T04:00", "2020-01-01T04:00", "suspect 2020-01-01T00:00"], undefined)).toEqual({
      "2026-11-21T04:00": "newest good, no rules",
      "2020-01-01T04:00": "no rules",
      "suspect 2020-01-01T00:00": "no rules",
    });
  });

  test("suspect ones are not counted, and stay as long as none is good after them", () => {
    const texts = [
      "suspect 2026-11-21T08:00",
      "suspect 2026-11-21T04:00",
      "2026-11-20T20:00",
      "suspect 2026-11-20T16:00",
      "suspect 2026-11-20T12:00",
      "2026-11-20T08:00",
      "2026-11-20T04:00",
    ];
    expect(decide(texts, { last: 2 })).toEqual({
      "suspect 2026-11-21T08:00": "newer than every good one, last",
      "suspect 2026-11-21T04:00": "newer than every good one, last",
      "2026-11-20T20:00": "newest good, last",
      "suspect 2026-11-20T16:00": "",
      "suspect 2026-11-20T12:00": "",
      "2026-11-20T08:00": "last",
      "2026-11-20T04:00": "",
    });
  });

  test("where none is good, every suspect stays", () => {
    expect(decide(["suspect 2026-11-21T08:00", "suspect 2020-11-21T08:00"], { last: 1 })).toEqual({
      "suspect 2026-11-21T08:00": "newer than every good one, last",
      "suspect 2020-11-21T08:00": "newer than every good one",
    });
  });

  test("what cannot be read, and what a person keeps, stays; the latter counts as any other", () => {
    const texts = [
      "2026-11-21T04:00",
      "kept 2026-11-20T04:00",
      "2026-11-19T04:00",
      "unreadable 2020-01-01T04:00",
    ];
    expect(decide(texts, { last: 2 })).toEqual({
      "2026-11-21T04:00": "newest good, last",
      "kept 2026-11-20T04:00": "kept, last",
      "2026-11-19T04:00": "",
      "unreadable 2020-01-01T04:00": "unreadable",
    });
  });

  test("one that claims to be from the future takes nothing away from the age of the others", () => {
    const texts = ["2031-01-01T00:00", "2026-11-21T04:00", "2026-11-19T04:00"];
    expect(decide(texts, { within: 2 * DAY })).toEqual({
      "2031-01-01T00:00": "newest good, within",
      "2026-11-21T04:00": "within",
      "2026-11-19T04:00": "",
    });
  });
});

/** Close together and far apart, and not rarely at the same instant. */
const started = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((hours) => NOW - hours * HOUR),
  fc.integer({ min: 0, max: 5 * 365 }).map((days) => NOW - days * DAY - 1),
  fc.integer({ min: NOW - 3 * 365 * DAY, max: NOW }),
);
const candidates = fc
  .array(
    fc.record({
      started,
      state: fc.oneof(
        { weight: 6, arbitrary: fc.constant("good" as const) },
        fc.constantFrom("suspect" as const, "unreadable" as const),
      ),
      isKept: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    }),
    { maxLength: 60 },
  )
  .map((all) => all.map((one, index): Candidate => ({ ...one, id: `id-${String(index).padStart(2, "0")}` })));
const some = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });
const rules: fc.Arbitrary<KeepRules> = fc.record({
  last: some,
  within: fc.option(fc.integer({ min: HOUR, max: 400 * DAY }), { nil: undefined }),
  hourly: some,
  daily: some,
  weekly: some,
  monthly: some,
  yearly: some,
});

function keptOf(verdicts: readonly Verdict[]): Set<string> {
  return new Set(verdicts.filter(({ keptBy }) => keptBy.length > 0).map(({ id }) => id));
}

function keep(all: readonly Candidate[], by: KeepRules, now = NOW): Set<string> {
  return keptOf(decideRetention(all, by, now));
}

describe("retention, whatever the backups and the rules are:", () => {
  test("the newest good one stays, as does what is kept, unreadable, or suspect and newer", () => {
    fc.assert(
      fc.property(candidates, rules, (all, by) => {
        const kept = keep(all, by);
        const good = all.filter(({ state }) => state === "good");
        const newest = Math.max(...good.map((one) => one.started));
        expect(good.length === 0 || good.some((one) => one.started === newest && kept.has(one.id))).toBe(
          true,
        );
        const safe = all.filter(
          ({ state, isKept, started: at }) =>
            isKept || state === "unreadable" || (state === "suspect" && at > newest),
        );
        expect(safe.filter(({ id }) => !kept.has(id))).toEqual([]);
      }),
    );
  });

  test("deciding again deletes nothing more, now or later", () => {
    fc.assert(
      fc.property(candidates, rules, fc.nat({ max: 10 * 365 }), (all, by, days) => {
        const kept = keep(all, by);
        const rest = all.filter(({ id }) => kept.has(id));
        expect(keep(rest, by, NOW + days * DAY)).toEqual(kept);
      }),
    );
  });

  test("more rules, and larger ones, never keep less", () => {
    fc.assert(
      fc.property(candidates, rules, rules, (all, by, more) => {
        const names = ["last", "within", "hourly", "daily", "weekly", "monthly", "yearly"] as const;
        const wider: KeepRules = Object.fromEntries(
          names.map((name) => [name, Math.max(by[name] ?? 0, more[name] ?? 0) || undefined]),
        );
        expect(keep(all, wider)).toEqual(new Set([...keep(all, wider), ...keep(all, by)]));
      }),
    );
  });

  test("what is suspect or unreadable changes nothing for the good ones", () => {
    fc.assert(
      fc.property(candidates, rules, (all, by) => {
        const good = all.filter(({ state }) => state === "good");
        const kept = keep(all, by);
        expect(keep(good, by)).toEqual(new Set(good.filter(({ id }) => kept.has(id)).map(({ id }) => id)));
      }),
    );
  });

  test("the order in which they are found changes nothing", () => {
    const shuffled = candidates.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, rules, ([all, others], by) => {
        expect(decideRetention(others, by, NOW)).toEqual(decideRetention(all, by, NOW));
      }),
    );
  });

  test("each rule keeps what its words say, by the calendar", () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 12 }), (all, number) => {
        const good = all.filter(({ state }) => state === "good");
        for (const [rule, periodOf] of Object.entries(CALENDAR)) {
          const keptBy = decideRetention(good, { [rule]: number }, NOW)
            .filter((verdict) => verdict.keptBy.some((reason) => reason === rule))
            .map(({ id }) => id);
          const periods = Map.groupBy(good, (one) => periodOf(new Date(one.started).toISOString()));
          const newest = [...periods]
            .sort(([left], [right]) => (left < right ? 1 : -1))
            .slice(0, number)
            .map(([, [first, ...rest]]) =>
              // Of the same millisecond, that with the larger id.
              rest.reduce((best, one) => (isNewer(one, best) ? one : best), first ?? one0),
            );
          expect(new Set(keptBy)).toEqual(new Set(newest.map(({ id }) => id)));
        }
      }),
    );
  });
});

const one0: Candidate = { id: "", started: 0, state: "good", isKept: false };

function isNewer(left: Candidate, right: Candidate): boolean {
  return left.started > right.started || (left.started === right.started && left.id > right.id);
}

/** The periods as a person reads them off an ISO date. */
const CALENDAR = {
  hourly: (iso: string) => iso.slice(0, 13),
  daily: (iso: string) => iso.slice(0, 10),
  weekly: (iso: string) => {
    const day = new Date(`${iso.slice(0, 10)}T00:00:00Z`);
    while (day.getUTCDay() !== 1) day.setUTCDate(day.getUTCDate() - 1);
    return day.toISOString().slice(0, 10);
  },
  monthly: (iso: string) => iso.slice(0, 7),
  yearly: (iso: string) => iso.slice(0, 4),
};

/** Every half hour over the days on which the clocks of the zones below change, and over a year's end. */
const PROGRAM = `
import { decideRetention } from ${JSON.stringify(fileURLToPath(new URL("../../../src/backup/retention.ts", import.meta.url)))};
const candidates = [];
for (const day of ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-24", "2026-10-31", "2026-12-30"]) {
  for (let half = 0; half < 150; half += 1) {
    const started = Date.parse(day + "T00:00:00Z") + half * 1800000;
    candidates.push({ id: new Date(started).toISOString(), started, state: "good", isKept: false });
  }
}
const rules = { hourly: 200, daily: 9, weekly: 5, monthly: 4, yearly: 2 };
const now = Date.parse("2027-01-02T00:00:00Z");
const noon = new Date("2026-07-01T12:00:00Z").getHours();
console.log(JSON.stringify({ noon, verdicts: decideRetention(candidates, rules, now) }));
`;

test("neither the time zone nor its summer time changes a verdict", () => {
  const results = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"].map(
    (TZ) => {
      const output = execFileSync(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
        env: { TZ },
        encoding: "utf8",
      });
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the program above wrote it
      return JSON.parse(output) as { noon: number; verdicts: Verdict[] };
    },
  );
  // The zones are real ones.
  expect(results.map(({ noon }) => noon)).toEqual([12, 8, 14, 22, 1]);
  for (const { verdicts } of results) expect(verdicts).toEqual(results[0]?.verdicts);
  expect(keptOf(results[0]?.verdicts ?? []).size).toBeGreaterThan(200);
});
