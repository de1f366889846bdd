import { isDataopsError } from "../errors.ts";
import { inTime } from "../in-time.ts";
import type { DatabaseStatus } from "./read-status.ts";

/** What one look at the storage came to: the status of all databases, or why that is not known. */
export type StatusLook = KnownStatus | UnknownStatus;

export interface KnownStatus {
  /** When the look began, in milliseconds since the epoch. What is overdue is overdue then. */
  at: number;
  databases: readonly DatabaseStatus[];
}

export interface UnknownStatus {
  at: number;
  databases: undefined;
  /** One line, lowercase. */
  problem: string;
}

export interface LookOptions {
  /** Milliseconds that a look may take. */
  patience: number;
  /** The current time in milliseconds since the epoch. */
  now: () => number;
  /** Told of what went wrong, whatever it is. */
  onProblem: (error: unknown) => void;
}

/** Reads the status now. Never throws: that the storage cannot be reached is an answer, too. */
export async function lookAtStatus(
  read: (now: number, signal: AbortSignal) => Promise<readonly DatabaseStatus[]>,
  { patience, now, onProblem }: LookOptions,
): Promise<StatusLook> {
  const at = now();
  try {
    return { at, databases: await inTime(patience, (signal) => read(at, signal)) };
  } catch (error) {
    onProblem(error);
    // An expected failure's message holds no secret; of any other nobody knows.
    const problem = isDataopsError(error)
      ? error.message
      : "the storage did not answer as expected, or in time";
    return { at, databases: undefined, problem };
  }
}
