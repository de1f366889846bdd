import type { NoticeEvent } from "../config/notify-schema.ts";
import type { JobKind } from "../repository/job.ts";
import type { RunState } from "../repository/run-record.ts";
import type { ExitName } from "../errors.ts";

/** One thing that a team is told, on whatever channel. All its text has passed the redaction of known secrets. */
export interface Notice {
  /** `test` is what `dataops notify test` sends. */
  event: NoticeEvent | "test";
  /** The same for the same event, however often it is delivered: whoever receives it twice may drop one. */
  id: string;
  /** When it was made: milliseconds since the epoch. */
  at: number;
  /** One line: `backup production failed on ip-10-0-1-7`. */
  subject: string;
  /** One line each: what happened, and what led to it. */
  details: readonly string[];
  /** What the reader can do about it. */
  hint: string | undefined;
  /** Commands that tell more, or that mend it. */
  next: readonly string[];
  host: string;
  dataopsVersion: string;
  job: NoticedJob | undefined;
  run: NoticedRun | undefined;
}

export interface NoticedJob {
  kind: JobKind;
  name: string;
  database: string;
}

/** What of a run goes out. */
export interface NoticedRun {
  id: string;
  slot: string | null;
  started: string;
  ended: string | null;
  state: RunState;
  exit: ExitName | null;
}

/** What a dead man's switch is told of one run. `log` changes nothing about its state. */
export interface Ping {
  signal: "start" | "success" | "fail" | "log";
  /** The run's, so that a start and an end are known to belong together. */
  runId: string;
  /** A few lines for people, shown beside it. Empty for a start. */
  text: string;
}
