import { humanAmount, humanDuration } from "./human.ts";
import type { Reporter } from "./reporter.ts";

/** Milliseconds between two lines about the same stretch of work. */
const LINE_INTERVAL = 10_000;

/** Tells a log: one line for each thing, and about progress one every 10 s. */
export function lineReporter(write: (line: string) => void, now: () => number): Reporter {
  return {
    info: (message) => write(message),
    warn: (message) => write(`warning: ${message}`),
    progress(stage, total, unit = "bytes") {
      const started = now();
      let told = started;
      let done = 0;
      return {
        add(amount) {
          done += amount;
          if (now() - told < LINE_INTERVAL) return;
          told = now();
          const rate = done / ((told - started) / 1_000);
          const of = total === undefined ? "" : ` of about ${humanAmount(total, unit)}`;
          write(
            `${stage}: ${humanAmount(done, unit)}${of}, ${humanAmount(rate, unit)}/s${left(total, done, rate)}`,
          );
        },
        end() {},
      };
    },
  };
}

/** An estimate that is exceeded tells nothing any more. */
function left(total: number | undefined, done: number, rate: number): string {
  if (total === undefined || done >= total || rate <= 0) return "";
  return `, ${humanDuration(((total - done) / rate) * 1_000)} left`;
}
