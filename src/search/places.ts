/** Gives out a number of places that may change, first come, first served. */
export interface Places {
  /** Waits for a place. The caller gives it back with `leave`. Rejects with the signal's reason. */
  enter(signal: AbortSignal | undefined): Promise<void>;
  leave(): void;
}

interface Waiting {
  enter: () => void;
}

/** @param limit asked each time a place might be free */
export function makePlaces(limit: () => number): Places {
  const queue: Waiting[] = [];
  let taken = 0;
  const admit = (): void => {
    while (taken < limit()) {
      const next = queue.shift();
      if (next === undefined) return;
      taken += 1;
      next.enter();
    }
  };
  return {
    enter: (signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const waiting: Waiting = {
          enter: () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          },
        };
        const onAbort = (): void => {
          queue.splice(queue.indexOf(waiting), 1);
          // eslint-disable-next-line typescript/prefer-promise-reject-errors -- the caller's own reason
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        queue.push(waiting);
        admit();
      }),
    leave: () => {
      taken -= 1;
      admit();
    },
  };
}
