/**
 * Works on all items, `concurrency` at a time. The first failure ends the others: their signal fires, and when this
 * rejects, none of them is at work any more.
 *
 * @throws the first failure; after an abort: the signal's reason
 */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  await together(concurrency, signal, async (either) => {
    for (const item of rest) {
      either.throwIfAborted();
      await work(item, either);
    }
  });
}

/** Lets `count` workers run side by side, as `inParallel` does. */
export async function together(
  count: number,
  signal: AbortSignal,
  worker: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  let firstError: unknown;
  const workers = Array.from({ length: count }, () =>
    worker(either).catch((error: unknown) => {
      if (!failure.signal.aborted) firstError = error;
      failure.abort(error);
    }),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
  if (failure.signal.aborted) throw firstError;
}
