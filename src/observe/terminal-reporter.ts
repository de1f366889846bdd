import cliProgress, { type SingleBar } from "cli-progress";
import { humanAmount, humanDuration } from "./human.ts";
import type { Progress, ProgressUnit, Reporter } from "./reporter.ts";

/** Redraws per second: enough to look alive. */
const FRAMES_PER_SECOND = 10;

export interface TerminalOptions {
  stream: NodeJS.WriteStream;
  color: boolean;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** Tells a person at a terminal: lines, and below them a bar with bytes, rate and remaining time. */
export function terminalReporter({ stream, color, now }: TerminalOptions): Reporter {
  let current: TerminalProgress | undefined;
  const say = (line: string): void => {
    current?.hide();
    stream.write(`${line}\n`);
    current?.show();
  };
  return {
    info: (message) => say(message),
    warn: (message) => say(`${color ? "\u001B[33mwarning:\u001B[39m" : "warning:"} ${message}`),
    progress(stage, total, unit = "bytes") {
      current?.end();
      const progress = new TerminalProgress({ stage, total, unit }, stream, now);
      current = progress;
      return progress;
    },
  };
}

class TerminalProgress implements Progress {
  readonly #total: number | undefined;
  readonly #unit: ProgressUnit;
  readonly #now: () => number;
  readonly #started: number;
  readonly #bar: SingleBar;
  #done = 0;
  #ended = false;

  constructor(
    { stage, total, unit }: { stage: string; total: number | undefined; unit: ProgressUnit },
    stream: NodeJS.WriteStream,
    now: () => number,
  ) {
    this.#total = total;
    this.#unit = unit;
    this.#now = now;
    this.#started = now();
    this.#bar = new cliProgress.SingleBar({
      stream,
      fps: FRAMES_PER_SECOND,
      hideCursor: true,
      clearOnComplete: true,
      // It is drawn when something happens; nothing of it may keep the process alive or catch its signals.
      gracefulExit: false,
      format: total === undefined ? `${stage}  {amount}` : `${stage}  {bar}  {amount}`,
    });
    this.show();
  }

  add(amount: number): void {
    this.#done += amount;
    if (!this.#ended) this.#bar.update(this.#position(), { amount: this.#amount() });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#bar.stop();
  }

  hide(): void {
    if (!this.#ended) this.#bar.stop();
  }

  show(): void {
    if (!this.#ended)
      this.#bar.start(Math.max(1, this.#total ?? 1), this.#position(), { amount: this.#amount() });
  }

  /** An estimate may be exceeded; a bar beyond its end looks broken. */
  #position(): number {
    return Math.min(this.#done, this.#total ?? 0);
  }

  #amount(): string {
    const elapsed = Math.max(1, this.#now() - this.#started);
    const rate = this.#done / (elapsed / 1_000);
    // Once an estimate is exceeded, it tells nothing any more.
    if (this.#total === undefined || this.#done > this.#total)
      return `${humanAmount(this.#done, this.#unit)}, ${humanAmount(rate, this.#unit)}/s`;
    const left = this.#total - this.#done;
    const remaining = rate > 0 && left > 0 ? `, ${humanDuration((left / rate) * 1_000)} left` : "";
    return `${humanAmount(this.#done, this.#unit)} of ${humanAmount(this.#total, this.#unit)}, ${humanAmount(rate, this.#unit)}/s${remaining}`;
  }
}
