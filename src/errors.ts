/**
 * Every way dataops can end, and the errors that carry them.
 *
 * An expected failure is a `DataopsError`: one line that says what happened, a hint that says what to do, an exit code.
 * Anything else that is thrown is a bug, and is shown with its stack.
 */

/** The published exit codes. Scripts depend on these numbers: they may be added to, never changed. */
export const EXIT_CODES = {
  done: { code: 0, meaning: "done" },
  failed: { code: 1, meaning: "failed; the message says why, a stack only for a bug" },
  usage: { code: 2, meaning: "usage or configuration" },
  warnings: { code: 3, meaning: "done, with warnings: suspect backup, a notice not delivered" },
  noSuchBackup: { code: 10, meaning: "no such backup" },
  busy: { code: 11, meaning: "another run holds the job" },
  notPermitted: { code: 12, meaning: "not permitted: credentials, grants, wrong key" },
  refused: { code: 13, meaning: "refused by the guard or a preflight" },
  corrupt: {
    code: 14,
    meaning: "verification failed: corrupt or incomplete; check: no good backup, or a stale one",
  },
  fenced: { code: 15, meaning: "fenced: someone else took over" },
  unreachable: { code: 16, meaning: "cannot reach database, storage or search" },
  tool: { code: 17, meaning: "a PostgreSQL program is missing or too old" },
  reindexFailed: { code: 18, meaning: "reindex failed, the alias is where it was" },
  interrupted: { code: 130, meaning: "interrupted (SIGINT)" },
  terminated: { code: 143, meaning: "terminated (SIGTERM)" },
} as const satisfies Record<string, { code: number; meaning: string }>;

/** The name of an exit code, as used in code and in `--json` output. */
export type ExitName = keyof typeof EXIT_CODES;

/** What may be said beside an error's message. */
export interface ErrorDetails {
  /** What the reader can do about it: one sentence, lowercase, no full stop. */
  hint?: string;
  /** The error underneath; kept for logs, never shown to a user on its own. */
  cause?: unknown;
}

/**
 * An expected failure. The message is one line, lowercase, without a full stop, and never holds a secret.
 * Made where the knowledge is; carried unchanged to the command line.
 */
export class DataopsError extends Error {
  override readonly name = "DataopsError";
  readonly exit: ExitName;
  readonly hint: string | undefined;

  constructor(exit: ExitName, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exit = exit;
    this.hint = details.hint;
  }

  /** The process's exit code for this failure. */
  get exitCode(): number {
    return EXIT_CODES[this.exit].code;
  }
}

/** Whether `error` is an expected failure, of the given kind if one is named. */
export function isDataopsError(error: unknown, exit?: ExitName): error is DataopsError {
  return error instanceof DataopsError && (exit === undefined || error.exit === exit);
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
