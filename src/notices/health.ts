import type { RunRecord } from "../repository/run-record.ts";

/** What a run says about its job: it works, it does not, or it made a backup that nobody should trust yet. */
export type Health = "good" | "failed" | "suspect";

/**
 * What a run says about its job; undefined where it says nothing: it still runs, a person or a deployment ended it, another run
 * holds the job or has taken it over, and tells of it.
 */
export function healthOf(run: RunRecord): Health | undefined {
  if (run.state === "lost") return "failed";
  if (run.state === "done") return suspicionOf(run) === undefined ? "good" : "suspect";
  if (run.state !== "failed") return undefined;
  return run.exit === "interrupted" || run.exit === "terminated" || run.exit === "busy"
    ? undefined
    : "failed";
}

/** Why the backup that a run made is suspect, in its record's words; undefined where it is not. */
export function suspicionOf({ result, message }: RunRecord): string | undefined {
  const { suspect } = result;
  if (suspect === undefined || suspect === null || suspect === false || suspect === 0 || suspect === "") {
    return undefined;
  }
  return typeof suspect === "string" ? suspect : (message ?? "it differs too much from the last good one");
}

/** What a dead man's switch is told at a run's end: success of what is good alone, and nothing where a run says nothing. */
export function endSignal(run: RunRecord): "success" | "fail" | undefined {
  const health = healthOf(run);
  if (health === undefined) return undefined;
  return health === "good" ? "success" : "fail";
}
