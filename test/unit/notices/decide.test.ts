import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideNotice, decideStale } from "../../../src/notices/decide.ts";
import { endSignal } from "../../../src/notices/health.ts";
import type { RunRecord } from "../../../src/repository/run-record.ts";
import { runRecord } from "../../support/run-records.ts";

const HOUR = 3_600_000;
const BEGIN = Date.parse("2026-11-21T00:00:00Z");

/** How a history has to be told, as far as it does not hang on the time: `[^R.]` is a bad run that has to be told. */
function shapeOf(letters: readonly string[]): RegExp {
  let isBad = false;
  const shape = letters.map((letter) => {
    if ("ixbtr".includes(letter)) return "\\.";
    const wasBad = isBad;
    isBad = !"gw".includes(letter);
    if (!isBad) return wasBad ? "R" : "\\.";
    return wasBad ? "[^R]" : "[^R.]";
  });
  return new RegExp(`^${shape.join("")}$`);
}

/** One letter for each run: what it came to. */
const RUNS: Readonly<Record<string, Partial<RunRecord>>> = {
  g: {},
  w: { exit: "warnings", message: "a notice was not delivered" },
  s: { exit: "warnings", result: { suspect: "half of the rows are gone" } },
  f: { state: "failed", exit: "unreachable", message: "no" },
  c: { state: "failed", exit: "corrupt", message: "no" },
  l: { state: "lost", exit: null, ended: null },
  i: { state: "interrupted", exit: "terminated" },
  x: { state: "fenced", exit: "fenced" },
  b: { state: "failed", exit: "busy" },
  t: { state: "failed", exit: "terminated" },
  r: { state: "running", exit: null, ended: null },
};

/** What is told: a letter for each run that is told, `.` for one that is not. */
const TOLD = { failure: "F", recovery: "R", suspect: "S" } as const;

function history(letters: string, interval: number): RunRecord[] {
  return letters
    .split("")
    .map((letter, index) => runRecord(new Date(BEGIN + index * interval).toISOString(), RUNS[letter]));
}

/** Decides each run in its turn, with the records that there are then. */
function toldOf(runs: readonly RunRecord[], repeatEvery: number): string {
  return runs
    .map((run, index) => decideNotice(run, runs.slice(0, index), { repeatEvery }))
    .map((decision) => (decision === undefined ? "." : TOLD[decision.event]))
    .join("");
}

describe("of a history of runs, one each four hours", () => {
  test.for([
    ["nothing but good ones", "gggg", "...."],
    ["the first run ever", "g", "."],
    ["the first run ever fails", "fg", "FR"],
    ["one failure", "ggfgg", "..FR."],
    ["a failure that lasts for a day and a half is told once a day", "gffffffffffg", ".F.....F...R"],
    ["recovery is told once", "gfgggfgg", ".FR..FR."],
    ["a failure of another kind is told at once", "gffccffg", ".F.F...R"],
    ["warnings alone are nothing", "gwwg", "...."],
    ["a failure, then a run with warnings, is a recovery", "fwg", "FR."],
    ["a suspect backup", "gsg", ".SR"],
    ["suspects that last", "gsssg", ".S..R"],
    ["a suspect is no recovery", "gfsg", ".FSR"],
    ["a failure amid suspects", "gsfsg", ".SF.R"],
    ["a lost run", "glg", ".FR"],
    ["lost over and over", "glllllllg", ".F.....FR"],
    ["interrupted runs say nothing", "gigtg", "....."],
    ["nor do they end a failure", "gfiifg", ".F...R"],
    ["nor a deployment in the midst of recovery", "gfig", ".F.R"],
    ["fenced: the one that took over tells of the lost one", "gxg", "..."],
    ["another run held the job", "gbg", "..."],
    ["a run still runs", "gfrg", ".F.R"],
  ] as const)("%s: %s", ([, runs, expected]) => {
    expect(toldOf(history(runs, 4 * HOUR), 24 * HOUR)).toBe(expected);
  });
});

test.for([
  ["each hour, told each 6", 1, 6, "gfffffffffffffg", ".F.....F.....FR"],
  ["once a day, told each day", 24, 24, "gfffg", ".FFFR"],
  ["once a day, told each week", 24, 168, "gffffffffg", ".F......FR"],
] as const)("%s", ([, interval, repeatEvery, runs, expected]) => {
  expect(toldOf(history(runs, interval * HOUR), repeatEvery * HOUR)).toBe(expected);
});

test("a failure that lasts longer than records reach back is still told once a day", () => {
  const runs = history("f".repeat(20 * 24), HOUR);
  const told = runs.filter(
    (run, index) =>
      decideNotice(run, runs.slice(Math.max(0, index - 48), index), { repeatEvery: 24 * HOUR }) !== undefined,
  );
  // The first one, and then the first of each day.
  expect(told.map(({ started }) => started.slice(0, 13))).toEqual(
    Array.from({ length: 20 }, (_, day) => new Date(BEGIN + day * 24 * HOUR).toISOString().slice(0, 13)),
  );
});

test("records may come in any order, with later ones and the run's own", () => {
  const runs = history("gffg", 4 * HOUR);
  const [good, first, second, last] = runs;
  const options = { repeatEvery: 24 * HOUR };
  expect(decideNotice(first!, [last!, second!, first!, good!], options)).toMatchObject({
    event: "failure",
    before: [],
  });
  expect(decideNotice(last!, [first!, last!, good!, second!], options)).toEqual({
    event: "recovery",
    before: [second, first],
    gap: undefined,
  });
});

test("runs of one second are in the order of their milliseconds, not of their ids", () => {
  const early = runRecord("2026-11-21T00:00:00.100Z", { ...RUNS["f"], id: "20261121T000000Z-zzzzzz" });
  const late = runRecord("2026-11-21T00:00:00.200Z", { id: "20261121T000000Z-aaaaaa" });
  expect(decideNotice(late, [early], { repeatEvery: HOUR })).toMatchObject({ event: "recovery" });
  expect(decideNotice(early, [late], { repeatEvery: HOUR })).toMatchObject({ event: "failure", before: [] });
});

test("a good run after a long silence is a recovery, where freshness was promised", () => {
  const silent = [runRecord("2026-11-21T00:00:00Z"), runRecord("2026-11-23T00:00:00Z")] as const;
  const options = { repeatEvery: HOUR };
  expect(decideNotice(silent[1], [silent[0]], options)).toBeUndefined();
  expect(decideNotice(silent[1], [silent[0]], { ...options, maxAge: 72 * HOUR })).toBeUndefined();
  expect(decideNotice(silent[1], [silent[0]], { ...options, maxAge: 24 * HOUR })).toEqual({
    event: "recovery",
    before: [],
    gap: 48 * HOUR,
  });
  expect(decideNotice(silent[0], [], { ...options, maxAge: 24 * HOUR })).toBeUndefined();
});

test("of any history: the first bad run is told, and each stretch of bad ones ends with exactly one recovery", () => {
  const letters = fc.array(fc.constantFrom(...Object.keys(RUNS)), { maxLength: 30 });
  const hours = fc.integer({ min: 1, max: 48 });
  fc.assert(
    fc.property(letters, hours, hours, (run, interval, repeatEvery) => {
      const runs = history(run.join(""), interval * HOUR);
      const told = toldOf(runs, repeatEvery * HOUR);
      expect(told).toMatch(shapeOf(run));
    }),
  );
});

test.for([
  ["g", "success"],
  ["w", "success"],
  ["s", "fail"],
  ["f", "fail"],
  ["c", "fail"],
  ["l", "fail"],
  ["i", undefined],
  ["x", undefined],
  ["b", undefined],
  ["r", undefined],
] as const)("a dead man's switch is told of %s: %s", ([letter, expected]) => {
  expect(endSignal(history(letter, HOUR)[0]!)).toBe(expected);
});

test.for([
  ["fresh", undefined, 0, 10, false],
  ["not yet", 20, 0, 10, false],
  ["stale since the last look", 5, 0, 10, true],
  ["stale from the very instant", 10, 0, 10, true],
  ["told already", 5, 6, 10, false],
  ["told for the first time by one who just came", 5, undefined, 10, true],
  ["after a day", 5, 28, 29, true],
  ["between two days", 5, 30, 52, false],
  ["a look that was left out", 5, 30, 80, true],
] as const)("staleness is told: %s", ([, staleSince, lastLook, now, expected]) => {
  const hours = (count: number | undefined): number | undefined =>
    count === undefined ? undefined : count * HOUR;
  const times = { staleSince: hours(staleSince), lastLook: hours(lastLook), now: now * HOUR };
  expect(decideStale(times, { repeatEvery: 24 * HOUR })).toBe(expected);
});
