import type { Storage } from "../storage/storage.ts";
import { delayedSignal } from "../delayed-signal.ts";

/** Milliseconds that the beginning of an upload may still take after an abort. */
const START_GRACE = 5_000;

/** An upload's beginning is not broken off by an abort: nobody could end an upload whose id was never heard. */
export function patientlyStarting(storage: Storage): Storage {
  return {
    ...storage,
    startUpload: async (key, partSize, options) => {
      const signal = options?.signal ?? new AbortController().signal;
      signal.throwIfAborted();
      using delayed = delayedSignal(signal, START_GRACE);
      return await storage.startUpload(key, partSize, { signal: delayed.signal });
    },
  };
}
