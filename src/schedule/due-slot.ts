import type { BlackoutWindow, Schedule } from "../config/schedule.ts";
import { nextRun, previousRun, runsBetween } from "./cron.ts";

/** How a job's slots are treated. */
export interface SlotPolicy {
  schedule: Schedule;
  /** Milliseconds; a slot that was missed longer ago is told, and not run any more. */
  missedWithin: number;
  blackouts: readonly BlackoutWindow[];
}

/** What a scheduler knows of one job. */
export interface SlotState {
  /** Every slot up to here has been dealt with. Milliseconds since the epoch. */
  considered: number;
  /** Whether an earlier slot's run has not ended. */
  isRunning: boolean;
}

/**
 * Why a slot had no run here: the one before was still running, a later one came before anybody looked (this machine was
 * suspended, or off), or it is too long ago.
 */
export type MissedReason = "overrun" | "overtaken" | "too-late";

/** What to do now. */
export interface SlotDecision {
  /** The next state's. */
  considered: number;
  /** The slot to run for, at once; undefined for none. */
  run: number | undefined;
  /** When to look again; undefined where the schedule never comes again. */
  lookAgain: number | undefined;
  missed: { slot: number; reason: MissedReason }[];
}

/** Slots of one look that are told one by one; of a machine that was off for a month, the last ones are enough. */
const MOST_SLOTS = 50;

/** Milliseconds; what was to run before that is told by nobody any more. */
const LONGEST_LOOK_BACK = 31 * 24 * 60 * 60 * 1000;

/** Milliseconds; a clock is set back by less than this by itself. More, and it was wrong before. */
const LARGEST_CORRECTION = 60 * 60 * 1000;

/**
 * Decides what to do about a job's slots at `now`, milliseconds since the epoch.
 *
 * A slot runs once, also when the clock goes back. Of several that passed unseen the last one runs, if it is not too
 * long ago. In a blackout window a slot waits for the window's end. Pure.
 */
export function decideSlot(now: number, state: SlotState, policy: SlotPolicy): SlotDecision {
  const considered = state.considered > now + LARGEST_CORRECTION ? now : state.considered;
  const from = Math.max(considered, now - LONGEST_LOOK_BACK);
  const slots = runsBetween(policy.schedule, from, now, MOST_SLOTS);
  const slot = slots.pop();
  const next = nextRun(policy.schedule, Math.max(now, considered));
  if (slot === undefined) return { considered, run: undefined, lookAgain: next, missed: [] };

  const missed: SlotDecision["missed"] = slots.map((each) => ({ slot: each, reason: "overtaken" }));
  const giveUp = (reason: MissedReason): SlotDecision => ({
    considered: slot,
    run: undefined,
    lookAgain: next,
    missed: [...missed, { slot, reason }],
  });
  if (state.isRunning) return giveUp("overrun");
  if (now - slot > policy.missedWithin) return giveUp("too-late");
  const end = endOfBlackout(now, policy);
  if (end !== undefined) return { considered: slot - 1, run: undefined, lookAgain: end, missed };
  return { considered: slot, run: slot, lookAgain: next, missed };
}

/** When the blackout window ends that `now` is in; undefined outside of all. */
function endOfBlackout(now: number, { schedule: { timezone }, blackouts }: SlotPolicy): number | undefined {
  const ends = blackouts.flatMap(({ from, to }) => {
    const began = previousRun({ pattern: daily(from), timezone }, now) ?? -Infinity;
    const ended = previousRun({ pattern: daily(to), timezone }, now) ?? -Infinity;
    return began > ended ? (nextRun({ pattern: daily(to), timezone }, now) ?? []) : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Comes when clocks show that time of day. */
function daily(time: string): string {
  const [hour, minute] = time.split(":");
  return `${Number(minute)} ${Number(hour)} * * *`;
}
