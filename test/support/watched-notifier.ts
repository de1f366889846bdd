import type { ChannelConfig } from "../../src/config/config.ts";
import { isDataopsError } from "../../src/errors.ts";
import type { Author } from "../../src/notices/compose.ts";
import { createNotifier, type Notifier, type NotifierOptions } from "../../src/notices/notifier.ts";
import type { Job } from "../../src/repository/job.ts";
import type { RunRecord } from "../../src/repository/run-record.ts";
import { AUTHOR, LONG } from "./notice-channels.ts";

export const JOB: Job = { kind: "backup", name: "production", database: "production" };
export const NEVER = new AbortController().signal;

/** A notifier of `backup production`, and what it came to. */
export interface Watched {
  notifier: Notifier;
  /** What could not be told, a line each time. */
  warnings: string[];
  /** Runs the job once more, with the given end, and waits until it was told. */
  run: (record: RunRecord) => Promise<void>;
}

/** A notifier, whose job's records are those of the runs that were run here. */
export function watch(
  channels: readonly ChannelConfig[],
  { job = JOB, redact = AUTHOR.redact, patience = LONG }: Partial<NotifierOptions & Author> = {},
): Watched {
  const warnings: string[] = [];
  const records: RunRecord[] = [];
  const notifier = createNotifier({
    channels,
    job,
    author: { ...AUTHOR, redact },
    previousRuns: () => Promise.resolve(records),
    patience,
  });
  const warn = (error: unknown): void => {
    if (!isDataopsError(error, "warnings")) throw error;
    warnings.push(error.message);
  };
  const run = async (record: RunRecord): Promise<void> => {
    await notifier.started({ ...record, state: "running", ended: null, exit: null }, NEVER).catch(warn);
    records.unshift(record);
    await notifier.ended(record, NEVER).catch(warn);
  };
  return { notifier, warnings, run };
}
