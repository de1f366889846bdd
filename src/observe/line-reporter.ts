import { humanBytes } from "./human.ts";
import type { Reporter } from "./reporter.ts";

/** Milliseconds between two lines about the same stretch of work. */
const LINE_INTERVAL = 10_000;

/** Tells a log: one line for each thing, and about progress one every 10 s. */
export function lineReporter(write: (line: string) => void, now: () => number): Reporter {
  return {
    info: (message) => write(message),
    warn: (message) => write(`warning: ${message}`),
    progress(stage, totalBytes) {
      const started = now();
      let told = started;
      let done = 0;
      return {
        add(bytes) {
          done += bytes;
          if (now() - told < LINE_INTERVAL) return;
          told = now();
          const rate = done / ((told - started) / 1_000);
          const total = totalBytes === undefined ? "" : ` of about ${humanBytes(totalBytes)}`;
          write(`${stage}: ${humanBytes(done)}${total}, ${humanBytes(rate)}/s`);
        },
        end() {},
      };
    },
  };
}
