import { DataopsError, EXIT_CODES } from "../errors.ts";

/** Milliseconds from the request to end until the process ends regardless; a scheduler's patience is 30 s. */
const HARD_STOP = 24_000;

const REASONS = {
  SIGINT: new DataopsError("interrupted", "interrupted"),
  SIGTERM: new DataopsError("terminated", "terminated"),
} as const;

/** Turns SIGINT and SIGTERM into an abort, so that everything acquired is released in order. A second one ends at once. */
export function interruptible(process: NodeJS.Process): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    const reason = name === "SIGINT" ? REASONS.SIGINT : REASONS.SIGTERM;
    const { code } = EXIT_CODES[reason.exit];
    if (controller.signal.aborted) process.exit(code);
    setTimeout(() => process.exit(code), HARD_STOP).unref();
    controller.abort(reason);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.removeListener("SIGINT", onSignal);
      process.removeListener("SIGTERM", onSignal);
    },
  };
}

/** Calls `listener` on SIGHUP, which ends the process no more, until it is disposed of. */
export function onHangup(process: NodeJS.Process, listener: () => void): Disposable {
  process.on("SIGHUP", listener);
  return { [Symbol.dispose]: () => void process.removeListener("SIGHUP", listener) };
}
