import { DataopsError } from "../errors.ts";

/** Ends a stream that stands still. */
export interface StallWatch extends Disposable {
  /**
   * Passes `source` on, and notes that it moved. Also tells apart who keeps whom waiting: the one that writes, or the
   * one that takes.
   */
  watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void>;
  /** Notes that something moved, for what is no stream. */
  moved(): void;
}

/**
 * Calls `onStall`, once, when no byte moved for `limit` milliseconds.
 *
 * `reader` is what reads the database, for the message; `isStorageSlow` tells, where nothing is watched, whether it is the
 * storage that is waited for. The error is `failed` where the reader wrote nothing, and `unreachable` where the storage
 * took nothing.
 */
export function watchForStall(
  limit: number,
  onStall: (error: DataopsError) => void,
  { reader = "pg_dump", isStorageSlow }: { reader?: string; isStorageSlow?: () => boolean } = {},
): StallWatch {
  let waitingFor: "dump" | "storage" = "dump";
  const timer = setTimeout(() => {
    const isStorage = isStorageSlow?.() ?? waitingFor === "storage";
    onStall(stallError(isStorage ? "storage" : "dump", limit, reader));
  }, limit);
  return {
    async *watch(source) {
      for await (const chunk of source) {
        waitingFor = "storage";
        timer.refresh();
        yield chunk;
        waitingFor = "dump";
        timer.refresh();
      }
      // What is left to do, the storage's own timeouts bound.
      clearTimeout(timer);
    },
    moved() {
      timer.refresh();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
}

function stallError(waitingFor: "dump" | "storage", limit: number, reader: string): DataopsError {
  const seconds = `${Math.round(limit / 100) / 10} s`;
  if (waitingFor === "dump") {
    return new DataopsError("failed", `${reader} wrote nothing for ${seconds}`, {
      hint: "see in pg_stat_activity what it waits for, or raise `stallTimeout`",
    });
  }
  return new DataopsError("unreachable", `the storage took nothing for ${seconds}`, {
    hint: "check the network to the storage, or raise `stallTimeout`",
  });
}
