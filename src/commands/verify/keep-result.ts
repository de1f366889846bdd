import { DataopsError, isDataopsError, messageOf } from "../../errors.ts";
import type { Findings } from "../../repository/findings.ts";
import {
  findingText,
  keepResult,
  MAX_REMARKS,
  type VerificationKind,
  type VerificationResult,
} from "../../repository/verification.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import { version } from "../../version.ts";
import type { CommandContext } from "../command.ts";

/** Milliseconds that a result may take to be kept. */
const TIMEOUT = 30_000;

/** A backup, as far as it is needed to keep something beside it. */
export interface BackupPlace {
  database: string;
  id: string;
}

/** What a verification came to, for one backup. */
export interface Verified extends BackupPlace {
  result: VerificationResult;
}

/** One execution of `verify`. */
export interface VerifyRun {
  id: string;
  kind: VerificationKind;
  /** Milliseconds since the epoch. */
  started: number;
  now(): number;
}

/** What was found out, besides the findings. */
export interface Measured {
  remarks: readonly string[];
  bytesRead: number;
  /** Milliseconds; null where nothing was restored. */
  restoreTime: number | null;
  serverVersion: string | null;
}

const NOTHING_MEASURED: Measured = { remarks: [], bytesRead: 0, restoreTime: null, serverVersion: null };

/** The result of a verification that ran: passed where nothing was found. */
export function judged(
  run: VerifyRun,
  findings: Pick<Findings, "kept" | "inAll">,
  measured = NOTHING_MEASURED,
): VerificationResult {
  const isPassed = findings.inAll === 0;
  return {
    ...begun(run),
    ...measured,
    remarks: measured.remarks.slice(0, MAX_REMARKS).map(findingText),
    state: isPassed ? "passed" : "failed",
    exit: isPassed ? "done" : "corrupt",
    message: null,
    findings: findings.kept,
    findingsInAll: findings.inAll,
  };
}

/** The result of one that could not run, which says nothing about the backup. */
export function notRun(run: VerifyRun, error: unknown): VerificationResult {
  return {
    ...begun(run),
    ...NOTHING_MEASURED,
    remarks: [],
    state: "not-run",
    // What is thrown as `corrupt` is a finding, not a hindrance; and nothing that stops it is a success.
    exit: isDataopsError(error) && error.exit !== "done" ? error.exit : "failed",
    message: findingText(messageOf(error)),
    findings: [],
    findingsInAll: 0,
  };
}

function begun(run: VerifyRun) {
  const { id, kind } = run;
  const started = new Date(run.started).toISOString();
  const ended = new Date(run.now()).toISOString();
  return { run: id, kind, started, ended, dataopsVersion: version };
}

/**
 * Keeps a result beside its backup, where the storage lets us: who may only read it verifies all the same.
 *
 * @returns whether it is kept
 */
export async function tryToKeep(
  storage: Storage,
  { database, id, result }: Verified,
  { reporter, signal }: Pick<CommandContext, "reporter" | "signal">,
): Promise<boolean> {
  try {
    await keepResult(storage, { database, id }, result, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
    });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const isExpected = isStorageError(error) || error instanceof DataopsError || isTimeout(error);
    if (!isExpected) throw error;
    reporter.warn(`the result of verifying ${id} could not be kept in the storage: ${messageOf(error)}`);
    return false;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}
