import type { RunRecord } from "../../src/repository/run-record.ts";

/**
 * What became of one slot:
 *
 * - `once`: one run was done
 * - `made-up`: one run was done, after others for it that were cut off
 * - `recorded`: none was done, and the records say how it ended
 * - `noticed`: there is no record, and a notice told of it
 * - `logged`: there is neither, and a daemon's log says that the slot was passed over, and why
 * - `twice`: two runs were done
 * - `open`: a record says that it runs, and nothing does
 * - `silent`: nobody knows anything of it
 */
export type Verdict = "once" | "made-up" | "recorded" | "noticed" | "logged" | "twice" | "open" | "silent";

/** In which nothing is wrong. */
export const GOOD_VERDICTS: readonly Verdict[] = ["once", "made-up", "recorded", "noticed", "logged"];

/** Judges a slot by the records of its runs, and by what else told of it. Pure. */
export function judgeSlot(
  runs: readonly Pick<RunRecord, "state">[],
  told: { isNoticed: boolean; isLogged: boolean },
): Verdict {
  const done = runs.filter(({ state }) => state === "done").length;
  if (done > 1) return "twice";
  if (runs.some(({ state }) => state === "running")) return "open";
  if (done === 1) return runs.length === 1 ? "once" : "made-up";
  if (runs.length > 0) return "recorded";
  if (told.isNoticed) return "noticed";
  return told.isLogged ? "logged" : "silent";
}
