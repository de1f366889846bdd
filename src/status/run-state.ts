import type { RunState } from "../repository/run-record.ts";
import type { JobFacts, RunFacts } from "./facts.ts";

/** Milliseconds that the clock of the machine that runs a job may differ from this one's. */
const CLOCK_TOLERANCE = 5 * 60_000;

/**
 * The state of a run at `now` (milliseconds since the epoch): `lost` also where nobody has written that down yet, because it
 * says it is running, and holds the job no more.
 */
export function stateOf({ state, heldUntil }: RunFacts, now: number): RunState {
  if (state !== "running" || heldUntil === undefined) return state;
  const isHeld = heldUntil !== null && now < Date.parse(heldUntil) + CLOCK_TOLERANCE;
  return isHeld ? "running" : "lost";
}

/** The newest run that is not under way. */
export function lastEnded({ runs }: JobFacts, now: number): RunFacts | undefined {
  return runs.find((run) => stateOf(run, now) !== "running");
}
