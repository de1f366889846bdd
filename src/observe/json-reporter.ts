import { pino } from "pino";
import type { Reporter } from "./reporter.ts";

/** Milliseconds between two lines about the same stretch of work. */
const LINE_INTERVAL = 1_000;

const TOTALS = { bytes: "totalBytes", documents: "totalDocuments" } as const;

/** Tells a program: one JSON object on each line. */
export function jsonReporter(write: (line: string) => void, now: () => number): Reporter {
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => write(line.trimEnd()) },
  );
  return {
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    progress(stage, total, unit = "bytes") {
      let told = now();
      let done = 0;
      const tell = (event: string): void =>
        log.info({ event, stage, [unit]: done, [TOTALS[unit]]: total }, stage);
      tell("progress");
      return {
        add(amount) {
          done += amount;
          if (now() - told < LINE_INTERVAL) return;
          told = now();
          tell("progress");
        },
        end() {
          if (done === -1) return;
          tell("progress-end");
          done = -1;
        },
      };
    },
  };
}
