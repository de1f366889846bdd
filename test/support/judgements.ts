import { expect, test } from "vitest";
import type { Expectations } from "../../src/status/expectations.ts";
import type { DatabaseFacts, ReadableBackup } from "../../src/status/facts.ts";
import { judge } from "../../src/status/judge.ts";
import { exampleFacts, NOW } from "./status-facts.ts";

/** A backup every 4 hours, one good one at least, sizes within half of the median, verifications as they come. */
export const EXPECTED: Expectations = {
  schedule: { pattern: "0 */4 * * *", timezone: "UTC" },
  maxAge: undefined,
  minimum: 1,
  maxSizeChange: 0.5,
  maxVerificationAge: undefined,
};

/** What is said of the example's newest backup. */
export const FRESH = "ok: newest good backup is 2 h 0 min old, stale after 7 h 0 min";

export const HOUR = 3_600_000;

/** What makes a backup suspect. */
export const SUSPECT = {
  state: "suspect",
  reasons: ["the table public.orders is gone"],
} as const satisfies Partial<ReadableBackup>;

/** Facts that differ from the example's, expectations that differ from `EXPECTED`, and what is to be said. */
export interface JudgementCase {
  name: string;
  facts: Partial<DatabaseFacts>;
  expected?: Partial<Expectations>;
  /** `level: what`, for each finding. */
  findings: (string | RegExp)[];
}

/** Tries all cases, each as a test. */
export function testJudgements(cases: readonly JudgementCase[]): void {
  test.each(cases)("$name", ({ facts, expected, findings }) => {
    const found = judge(exampleFacts(facts), { ...EXPECTED, ...expected }, NOW);
    const lines = found.map(({ level, what }) => `${level}: ${what}`);
    expect(lines).toEqual(findings.map((text) => expect.stringMatching(asPattern(text)) as unknown));
    // Whatever is wrong, it is said what can be done, on one line each.
    for (const { level, what, hint } of found) {
      expect(hint === undefined).toBe(level === "ok");
      expect(what).not.toMatch(/\n/);
    }
  });
}

/** Text stands for itself, whole. */
function asPattern(text: string | RegExp): RegExp {
  return typeof text === "string" ? new RegExp(`^${text.replaceAll(/[.()]/g, "\\$&")}$`) : text;
}
