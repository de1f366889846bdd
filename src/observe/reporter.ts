/** What a job tells while it runs. Talk goes to stderr; results are returned, never reported. */
export interface Reporter {
  /** One line for a person. `fields` go to structured logs and `--json` progress. */
  info(message: string, fields?: Fields): void;
  /** Something that did not stop the job, and should be read. Makes the exit code 3 only where the command says so. */
  warn(message: string, fields?: Fields): void;
  /** Begins a measured stretch of work. A bar on a terminal, a line every 10 s elsewhere. */
  progress(stage: string, total?: number, unit?: ProgressUnit): Progress;
}

/** What a stretch of work is measured in; bytes by default. */
export type ProgressUnit = "bytes" | "documents";

export interface Progress {
  /** Adds so many bytes, or whatever it is measured in, to what is done. */
  add(amount: number): void;
  /** Ends the stretch; the bar goes away. Safe to call more than once. */
  end(): void;
}

export type Fields = Record<string, string | number | boolean | null | undefined | readonly string[]>;

/** Says nothing. For tests, and where a caller does not care. */
export const silentReporter: Reporter = {
  info() {},
  warn() {},
  progress() {
    return { add() {}, end() {} };
  },
};

/** Only what should be read: warnings. For `--quiet`. */
export function quietReporter(reporter: Reporter): Reporter {
  return { ...silentReporter, warn: (message, fields) => reporter.warn(message, fields) };
}
